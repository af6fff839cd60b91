# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=FILE.c -DPROFILES=A.json,B.json -P embed.cmake - makes a table of C arrays of files.
string(REPLACE "," ";" profiles "${PROFILES}")
set(arrays "")
set(rows "")
foreach(path ${profiles})
    get_filename_component(name ${path} NAME_WE)
    string(MAKE_C_IDENTIFIER ${name} id)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)"
        "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const unsigned char text_${id}[] = {\n${bytes}};\n\n")
    string(APPEND rows "    {\"${name}\", (const char *)text_${id}, sizeof text_${id}},\n")
endforeach()
file(WRITE ${OUT}.new "#include \"builtin.h\"\n\n${arrays}"
    "const struct builtin_profile builtin_profiles[] = {\n${rows}    {0},\n};\n")
file(RENAME ${OUT}.new ${OUT})
