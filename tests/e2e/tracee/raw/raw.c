// SPDX-License-Identifier: Apache-2.0
// raw FILE: prints the file by open(2), read(2) and write(2) alone, without a libc; built for
// x86-64 and for 32 bits. Exits with 0, or the errno of the open.
// raw: connects to port 9 of this machine; exits with the errno of that.
#ifdef __i386__
enum { NR_exit = 1, NR_read = 3, NR_write = 4, NR_open = 5, NR_socket = 359, NR_connect = 362 };
__asm__(".globl _start\n_start: mov %esp, %eax\n push %eax\n call begin\n");

static long
call(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
#else
enum { NR_read = 0, NR_write = 1, NR_open = 2, NR_socket = 41, NR_connect = 42, NR_exit = 60 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\n call begin\n");

static long
call(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
#endif

static long
reach(void)
{
    static const unsigned char address[16] = {2, 0, 0, 9, 127, 0, 0, 1};
    return call(NR_connect, call(NR_socket, 2, 1, 0), (long)address, sizeof address);
}

// stack: argc, argv[0], argv[1] ...
__attribute__((used)) void begin(long *stack);
void
begin(long *stack)
{
    char text[64];
    if (stack[0] == 1)
        call(NR_exit, -reach(), 0, 0);
    long fd = call(NR_open, stack[2], 0, 0), n;
    while (fd >= 0 && (n = call(NR_read, fd, (long)text, sizeof text)) > 0)
        call(NR_write, 1, (long)text, n);
    call(NR_exit, fd < 0 ? -fd : 0, 0, 0);
    __builtin_trap();
}
