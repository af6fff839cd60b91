// SPDX-License-Identifier: Apache-2.0
// Golden screens, and what keys do with what is on them.
#include "screen_helpers.h"

Test(screens, split_160x48)
{
    SCREEN(t, 48, 160, true);
    cr_assert_eq(t.agent_rows, 31);
    cr_assert_eq(t.agent_cols, 160);
    check_screen(&t, "160x48-agent", false);
    type(&t, "\035a");
    frame_after(&t, 700);
    check_screen(&t, "160x48-approvals", false);
    cr_assert_eq(t.resizes, 1);
}

Test(screens, bar_and_overlay_80x24)
{
    SCREEN(t, 24, 80, true);
    cr_assert_eq(t.agent_rows, 23);
    check_screen(&t, "80x24-bar", false);
    type(&t, "\035");
    check_screen(&t, "80x24-prefix", false);
    type(&t, "a");
    check_screen(&t, "80x24-locked", false);
    frame_after(&t, 700);
    check_screen(&t, "80x24-armed", true);
    type(&t, "\r");
    check_screen(&t, "80x24-detail", false);
    type(&t, "GGG");
    check_screen(&t, "80x24-detail-end", false);
    type(&t, "?");
    check_screen(&t, "80x24-help", false);
    type(&t, "qqq");
    check_screen(&t, "80x24-bar-again", false);
    cr_assert_eq(t.decisions, 0);
    cr_assert_eq(t.resizes, 1);
}

// I4: the path that was on the screen some lines ago is not what is decided.
Test(screens, detail_scrolled_away_decides_nothing)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035aj\r");
    type(&t, "G");
    frame_after(&t, 700);
    check_screen(&t, "80x24-detail-away", false);
    type(&t, "o");
    frame_after(&t, 700);
    type(&t, "d");
    cr_assert_eq(t.decisions, 0);
    type(&t, "g");
    frame_after(&t, 700);
    type(&t, "o");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.request, 2);
}

Test(screens, hostile_name_in_the_detail)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035ajj\r");
    check_screen(&t, "80x24-hostile", true);
}

Test(screens, confirmation)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    type(&t, "oid_ed");
    check_screen(&t, "80x24-confirm", false);
    type(&t, "25519\r");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.request, 1);
    cr_assert_eq(t.decided.verdict, VERDICT_ALLOW);
    check_screen(&t, "80x24-decided", false);
}

// Whatever else there is to say, what is of high risk says so; what was said goes.
Test(screens, the_risk_is_always_in_sight)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    ui_set_notice(t.ui, "taken back: nobody holds it");
    frame_after(&t, 20);
    check_screen(&t, "80x24-notice", false);
    type(&t, "Y");
    check_screen(&t, "80x24-notice-hint", false);
    type(&t, ">");
    type(&t, "/id");
    check_screen(&t, "80x24-risk-prompt", false);
    type(&t, "\033");
    frame_after(&t, 100);
    type(&t, "<");
    frame_after(&t, 10000);
    check_screen(&t, "80x24-notice-gone", false);
    cr_assert_eq(t.decisions, 0);
}

// Which tasks hold what was taken back stands at the end of a long line.
Test(screens, a_long_notice_is_read_to_its_end)
{
    static const char text[] =
        "taken back: allow read /home/luke/src/a/rather/long/way/down/to/some/file.txt (used 3 "
        "times, last by node/48213; still open in node/48213, a-program/48214, cat/48215 and 2 "
        "more)";
    SCREEN(t, 24, 80, true);
    type(&t, "\035aj");
    frame_after(&t, 700);
    ui_set_notice(t.ui, text);
    frame_after(&t, 20);
    check_screen(&t, "80x24-notice-long", false);
    type(&t, "j");
    cr_assert(shows(&t, "cat/48215 and 2 more)"), "a key that nobody pressed because of it");
    frame_after(&t, 700);
    type(&t, "k");
    cr_assert_not(shows(&t, "cat/48215"));
    ui_set_size(t.ui, 8, 60, now_ns);
    ui_set_notice(t.ui, text);
    frame_after(&t, 20);
    cr_assert(shows(&t, "[approvals"));
}

Test(screens, typing_locks)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035axxx");
    check_screen(&t, "80x24-typing", false);
    frame_after(&t, 5000);
    type(&t, "o");
    cr_assert_eq(t.decisions, 0);
}

Test(screens, withdrawn)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    ui_update_request(
        t.ui, 0,
        &(struct request_update){
            .id = 1, .state = STATE_WITHDRAWN, .count = 1, .verdict = VERDICT_WITHDRAWN});
    ui_update_request(t.ui, 0,
                      &(struct request_update){
                          .id = 4, .state = STATE_EXPIRED, .count = 1, .verdict = VERDICT_EXPIRED});
    frame_after(&t, 1000);
    check_screen(&t, "80x24-withdrawn", false);
    type(&t, "d");
    cr_assert_eq(t.decisions, 0);
    frame_after(&t, 6000);
    check_screen(&t, "80x24-withdrawn-gone", false);
}

Test(screens, alone_80x12)
{
    SCREEN(t, 12, 80, false);
    frame_after(&t, 700);
    check_screen(&t, "80x12-alone", false);
    ui_set_stats(t.ui, 0, &(struct stats){.refused = 10, .limited = 7});
    frame_after(&t, 800);
    check_screen(&t, "80x12-limited", false);
    type(&t, "q");
    cr_assert_eq(t.leaves, 1);
}

Test(screens, alone_60x8)
{
    SCREEN(t, 8, 60, false);
    frame_after(&t, 700);
    check_screen(&t, "60x8-alone", false);
}

Test(screens, too_small_40x10)
{
    SCREEN(t, 10, 40, true);
    frame_after(&t, 700);
    check_screen(&t, "40x10", false);
    type(&t, "\035a");
    frame_after(&t, 700);
    type(&t, "d");
    frame_after(&t, 700);
    type(&t, "o");
    cr_assert_eq(t.decisions, 0);
}

Test(screens, c_locale)
{
    SCREEN_IN(t, 24, 80, true, "C");
    type(&t, "\035ajj");
    frame_after(&t, 700);
    check_screen(&t, "80x24-c-locale", false);
    for (size_t i = 0; i < t.raw.len; i++)
        cr_assert_lt((unsigned char)t.raw.data[i], 0x80);
}

Test(screens, no_color)
{
    setenv("NO_COLOR", "1", 1);
    SCREEN(t, 12, 80, false);
    frame_after(&t, 700);
    check_screen(&t, "80x12-no-color", true);
}

Test(screens, nothing_foreign_reaches_the_terminal)
{
    SCREEN(t, 48, 160, true);
    unsigned bells = 0;

    type(&t, "\035ajj\r");
    for (size_t i = 0; i < t.raw.len; i++) {
        unsigned char c = (unsigned char)t.raw.data[i];
        bells += c == '\a';
        cr_assert(c >= 0x20 || strchr("\033\r\n\b\t\016\017\a", c), "byte %02x", c);
        cr_assert_neq(c, 0x7f);
        if (c == 0xc2)
            cr_assert_geq((unsigned char)t.raw.data[i + 1], 0xa0);
    }
    cr_assert_eq(bells, 1, "four requests at once ring once");
    cr_assert_null(memmem(t.raw.data, t.raw.len, "\xe2\x80\xae", 3));
    cr_assert_null(memmem(t.raw.data, t.raw.len, "\033]", 2));
    cr_assert_null(strstr(buf_str(&t.raw), "not a title"));
}

static void
set_grants(struct screen_test *t)
{
    const struct grant g[] = {
        {.id = 3,
         .verdict = VERDICT_ALLOW,
         .op = OP_READ,
         .scope = SCOPE_SESSION,
         .reach = REACH_SUBTREE,
         .path = (char[]){"/usr/share/\033]0;x\a"},
         .uses = 6},
        {.id = 4,
         .verdict = VERDICT_ALLOW,
         .op = OP_WRITE,
         .scope = SCOPE_TIME,
         .reach = REACH_OBJECT,
         .expires_mono_ns = START + 552 * NS_PER_SEC,
         .path = (char[]){"/srv/out"},
         .uses = 1},
        {.id = 9,
         .verdict = VERDICT_DENY,
         .op = OP_CONNECT,
         .scope = SCOPE_ALWAYS,
         .reach = REACH_HOST,
         .path = (char[]){"db.example"},
         .host = (char[]){"db.example"},
         .peer = {.family = AF_INET, .addr = {10, 0, 0, 1}}},
    };

    ui_set_grants(t->ui, 0, (const struct grant *[]){&g[0], &g[1], &g[2]}, 3);
}

Test(screens, grants)
{
    SCREEN(t, 24, 80, true);
    set_grants(&t);
    type(&t, "\035aUj");
    check_screen(&t, "80x24-grants", true);
    type(&t, "r");
    cr_assert_eq(t.revoked, 4);
}

Test(screens, grants_and_processes_160x48)
{
    SCREEN(t, 48, 160, true);
    set_grants(&t);
    type(&t, "\035a>");
    frame_after(&t, 700);
    check_screen(&t, "160x48-wide-reach", true);
}

Test(screens, marks_filter_and_freeze)
{
    SCREEN(t, 24, 80, true);
    ui_set_frozen(t.ui, 0, true);
    type(&t, "\035a&luke\r  ");
    check_screen(&t, "80x24-marked", false);
}

Test(screens, what_a_key_promised_goes_when_it_has_come)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a\035f");
    cr_assert(shows(&t, " freezing"));
    ui_set_frozen(t.ui, 0, true);
    frame_after(&t, 20);
    cr_assert(shows(&t, "[FROZEN]"));
    cr_assert_not(shows(&t, " freezing"));
    type(&t, "\035f");
    cr_assert(shows(&t, " thawing"));
    ui_set_frozen(t.ui, 0, false);
    frame_after(&t, 20);
    cr_assert_not(shows(&t, " thawing"));
}

Test(screens, two_sessions)
{
    SCREEN(t, 24, 80, false);
    ui_add_session(t.ui, 1, "7e90c3", NULL, "codex (~/src/api)");
    ui_add_request(t.ui, 1, make_request(1, OP_READ, "/etc/hosts", 0, RISK_NONE, ""));
    frame_after(&t, 700);
    check_screen(&t, "80x24-sessions", false);
    ui_end_session(t.ui, 1);
    frame_after(&t, 700);
    check_screen(&t, "80x24-session-ended", false);
}

// What a session was called is what people look for.
Test(screens, sessions_by_their_names)
{
    SCREEN(t, 24, 80, false);
    ui_add_session(t.ui, 0, "7f3a5c01d2e4", "shop", "claude (~/src/shop)");
    frame_after(&t, 700);
    cr_assert(shows(&t, " nono shop  claude"));
    ui_add_session(t.ui, 1, "7e90c3", "a-name-without-room", "codex (~/src/api)");
    ui_add_session(t.ui, 2, "5555", "web-\033[m", "aider (~)");
    ui_add_request(t.ui, 1, make_request(1, OP_READ, "/etc/hosts", 0, RISK_NONE, ""));
    ui_add_request(t.ui, 2, make_request(1, OP_READ, "/etc/fstab", 0, RISK_NONE, ""));
    frame_after(&t, 700);
    cr_assert(shows(&t, "READ   shop "));
    type(&t, "jjjj");
    cr_assert(shows(&t, "READ   7e90 "));
    type(&t, "j");
    cr_assert(shows(&t, "READ   web-\\x1b[m  {/etc/fstab}"));
    type(&t, "\rG");
    cr_assert(shows(&t, "5555 web-\\x1b[m: aider (~)"));
    type(&t, "\033");
    frame_after(&t, 100);
    type(&t, "&without-room\r");
    cr_assert(shows(&t, "{/etc/hosts}"));
    cr_assert_not(shows(&t, "{/etc/fstab}"));
}

static struct request *
make_two_ends(uint64_t id, const char *from, const char *to)
{
    struct request *r = make_request(id, OP_RENAME, from, 0, RISK_NONE, "");

    r->call = "renameat2";
    r->flags = 0;
    r->access = ACCESS_READ | ACCESS_WRITE;
    r->resolved2 = xstrdup(to);
    r->target2 = xstrdup(to);
    r->object2 = (struct object){.mode = 040755, .uid = 1000, .gid = 1000};
    return r;
}

Test(screens, two_ends)
{
    SCREEN(t, 24, 80, false);
    ui_add_request(t.ui, 0, make_two_ends(9, "/srv/a -> /srv/b", "/srv/c"));
    type(&t, "G\r");
    frame_after(&t, 700);
    check_screen(&t, "80x24-two-ends", false);
}

// A row of each operation, with names that are longer than their room.
static void
add_every_operation(struct screen_test *t)
{
    static const struct {
        enum op op;
        const char *path, *to, *address, *detail;
        int family, type;
    } rows[] = {
        {OP_READ, "/home/luke/projects/customers/acme/secrets/id_ed25519", NULL, NULL, NULL, 0, 0},
        {OP_WRITE, "/srv/www/shop/releases/2026-11-25/config/production.json", NULL, NULL, NULL, 0,
         0},
        {OP_READWRITE, "/var/lib/shop/shop.db", NULL, NULL, NULL, 0, 0},
        {OP_CREATE, "/srv/build/out.log", NULL, NULL, NULL, 0, 0},
        {OP_DELETE, "/home/luke/Documents/a long name with blanks in it.odt", NULL, NULL, NULL, 0,
         0},
        {OP_RENAME, "/home/luke/src/shop/dist/bundle.js.tmp", "/srv/www/shop/assets/bundle.js",
         NULL, NULL, 0, 0},
        {OP_LINK, "/etc/passwd", "/srv/www/shop/public/downloads/copy-of-the-file", NULL, NULL, 0,
         0},
        {OP_MKDIR, "/srv/www/shop/releases/2026-11-26", NULL, NULL, NULL, 0, 0},
        {OP_META, "/srv/www/shop/bin/deploy", NULL, NULL, "mode 0755 > 4755", 0, 0},
        {OP_EXEC, "/opt/vendor/tools/bin/terraform", NULL, NULL, NULL, 0, 0},
        {OP_CONNECT, "registry.npmjs.org:443", NULL, "104.16.3.35", NULL, AF_INET, SOCK_STREAM},
        {OP_BIND, "0.0.0.0:8080", NULL, NULL, NULL, AF_INET, SOCK_STREAM},
        {OP_SEND, "resolver.example:53", NULL, "2001:db8:85a3::8a2e:370:7334", NULL, AF_INET6,
         SOCK_DGRAM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct request *r =
            make_request(i + 1, rows[i].op, rows[i].path, 0, (enum risk)(i % 3), "system");
        r->resolved2 = rows[i].to ? xstrdup(rows[i].to) : NULL;
        if (rows[i].address) {
            r->host = xstrndup(rows[i].path, strcspn(rows[i].path, ":"));
            inet_pton(rows[i].family, rows[i].address, r->peer.addr);
        }
        r->detail = rows[i].detail ? xstrdup(rows[i].detail) : NULL;
        r->peer.family = rows[i].family;
        r->peer.type = rows[i].type;
        ui_add_request(t->ui, 0, r);
    }
}

Test(screens, every_operation_at_every_width)
{
    static const unsigned widths[] = {40, 60, 80, 100, 160};

    for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
        __attribute__((cleanup(close_screen))) struct screen_test t;
        cleanup_free char *name = xasprintf("%ux48-operations", widths[i]);
        cleanup_free char *bar = xasprintf("%ux12-operations-bar", widths[i]);

        open_screen(&t, 48, widths[i], false, "C.UTF-8");
        add_every_operation(&t);
        frame_after(&t, 700);
        check_screen(&t, name, false);
        close_screen(&t);
        open_screen(&t, 12, widths[i], true, "C.UTF-8");
        add_every_operation(&t);
        for (uint64_t id = 1; id <= 5; id++)
            ui_update_request(
                t.ui, 0,
                &(struct request_update){
                    .id = id, .state = STATE_WITHDRAWN, .count = 1, .verdict = VERDICT_WITHDRAWN});
        frame_after(&t, 700);
        check_screen(&t, bar, false);
    }
}

Test(screens, history_of_the_agent)
{
    SCREEN(t, 24, 80, true);
    for (int i = 1; i <= 60; i++) {
        char line[32];
        snprintf(line, sizeof line, "row %d\r\n", i);
        ui_agent_output(t.ui, line, strlen(line));
    }
    type(&t, "\035[kkk");
    ui_agent_output(t.ui, "more\r\n", 6);
    frame_after(&t, 20);
    check_screen(&t, "80x24-history", false);
    type(&t, "/row 7\r");
    check_screen(&t, "80x24-history-found", false);
    cr_assert_eq(t.to_agent.len, 0, "keys move in the history");
    type(&t, "qx");
    cr_assert_str_eq(buf_str(&t.to_agent), "x");
    cr_assert_eq(t.resizes, 1);
}

Test(screens, the_mouse_never_decides)
{
    static const char click[] = "\033[<0;10;10M\033[<0;10;10m";
    SCREEN(t, 24, 80, true);

    ui_agent_output(t.ui, "\033[?1000h\033[?1006h", 16);
    frame_after(&t, 20);
    cr_assert(memmem(t.raw.data, t.raw.len, "\033[?1000h", 8));
    ui_feed_input(t.ui, click, sizeof click - 1, now_ns);
    cr_assert_str_eq(buf_str(&t.to_agent), click);
    type(&t, "\035a");
    buf_reset(&t.to_agent);
    frame_after(&t, 700);
    for (unsigned row = 1; row <= 24; row++) {
        cleanup_free char *keys = xasprintf("\033[<0;10;%uM\033[<0;10;%um", row, row);
        ui_feed_input(t.ui, keys, strlen(keys), now_ns);
        frame_after(&t, 700);
    }
    cr_assert_eq(t.decisions, 0);
    cr_assert_eq(t.to_agent.len, 0);
}

// Golden text of every look at few colours: the words say it all.
Test(screens, eight_colours_and_none)
{
    static const char *const terms[] = {"linux", "vt100", "xterm", "tmux-256color"};

    for (size_t i = 0; i < ARRAY_SIZE(terms); i++) {
        setenv("NONO_TEST_TERM", terms[i], 1);
        SCREEN(t, 24, 80, true);
        type(&t, "\035a");
        frame_after(&t, 700);
        cleanup_free char *name = xasprintf("80x24-%s", terms[i]);
        check_screen(&t, name, true);
    }
    unsetenv("NONO_TEST_TERM");
}

Test(screens, an_idle_screen_sleeps)
{
    __attribute__((cleanup(close_screen))) struct screen_test t;

    open_screen(&t, 24, 80, true, "C.UTF-8");
    cr_assert_eq(frame_after(&t, 20), -1);
    ui_agent_output(t.ui, "x", 1);
    cr_assert_gt(frame_after(&t, 1), 0, "coalesced into the next frame");
    cr_assert_eq(frame_after(&t, 16), -1);
}

Test(screens, ten_thousand_requests_cost_a_screenful)
{
    __attribute__((cleanup(close_screen))) struct screen_test t;
    size_t before;

    open_screen(&t, 48, 160, false, "C.UTF-8");
    for (uint64_t id = 1; id <= 10000; id++)
        ui_add_request(t.ui, 0, make_request(id, OP_READ, "/etc/shadow", 4, RISK_NONE, ""));
    frame_after(&t, 20);
    before = t.raw.len;
    type(&t, "G");
    cr_assert_lt(t.raw.len - before, 20000);
}

Test(screens, storm_of_sizes)
{
    SCREEN(t, 24, 80, true);
    unsigned seed = 7;

    for (int i = 0; i < 500; i++) {
        unsigned rows = 1 + (unsigned)rand_r(&seed) % 60, cols = 1 + (unsigned)rand_r(&seed) % 200;
        ui_set_size(t.ui, rows, cols, now_ns);
        ui_agent_output(t.ui, "\xe6\xbc\xa2\033[5;70Hx\033#6\xe5\xad\x97\r\n", 20);
        if (i % 7 == 0)
            type(&t, "\035a");
        now_ns += 20 * NS_PER_MS;
        ui_draw(t.ui, now_ns);
    }
    cr_assert_eq(t.decisions, 0);
}
