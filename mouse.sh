printf '\033[?1003h\033[?1006h\033[?25l\033[5 qdrawn'
sleep 1000
