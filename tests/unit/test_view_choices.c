// SPDX-License-Identifier: Apache-2.0
// What a decision is about: reach, marks, notes, undo, grants, filter, sessions.
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "reach.h"
#include "view_helpers.h"

static void
arm(struct view *v, uint64_t *now)
{
    view_set_focus(v, true, *now);
    show(v, *now);
    *now += 600 * MS;
    cr_assert_eq(view_lock(v, *now), VIEW_ARMED);
}

// Draws, waits and presses: what a patient person does.
static enum view_result
press_slowly(struct view *v, uint32_t key, uint64_t *now, struct decision *d)
{
    show(v, *now);
    *now += 600 * MS;
    return press(v, key, *now, d);
}

static void
see_all(struct view *v)
{
    for (size_t i = 0; i < v->listed; i++)
        v->list[i]->drawn_whole = true;
    view_list_displayed(v, 0, v->listed);
}

static enum view_result
confirm(struct view *v, const char *name, uint64_t *now, struct decision *d)
{
    type_name(v, name, now);
    return press(v, '\r', *now, d);
}

Test(choices, reach_is_widened_and_named)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '>', &now, &d);
    cr_assert_eq(view_lock(&v, now + NS_PER_SEC), VIEW_LOCK_HIDDEN, "its rule was not drawn");
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_NOTHING);
    cr_assert_eq(v.prompt, VIEW_PROMPT_CONFIRM);
    cr_assert_eq(confirm(&v, "id_1", &now, &d), VIEW_NOTHING, "the file is not the directory");
    press_slowly(&v, 's', &now, &d);
    cr_assert_eq(confirm(&v, ".ssh", &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.reach, REACH_DIR);
    cr_assert_eq(d.scope, SCOPE_SESSION);
}

Test(choices, reach_ends_where_the_ladder_does)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    arm(&v, &now);
    for (int i = 0; i < 5; i++)
        press_slowly(&v, '>', &now, &d);
    press_slowly(&v, 'D', &now, &d);
    cr_assert_eq(d.reach, REACH_SUBTREE, "and a denial needs no name");
}

Test(choices, once_is_about_the_call_alone)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '>', &now, &d);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.reach, REACH_OBJECT);
}

Test(choices, the_reach_of_one_request_is_not_that_of_the_next)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_add(&v, 0, make_request(2, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '>', &now, &d);
    press_slowly(&v, 'D', &now, &d);
    cr_assert_eq(d.request, 1);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.request, 2);
    cr_assert_eq(d.reach, REACH_OBJECT);
}

static struct request *
make_connect(uint64_t id, const char *host)
{
    struct request *r = make_request(id, RISK_NONE);

    r->op = OP_CONNECT;
    free(r->resolved);
    r->resolved = xasprintf("%s:443", *host ? host : "104.16.3.35");
    r->host = xstrdup(host);
    r->peer = (struct endpoint){
        .family = AF_INET, .type = SOCK_STREAM, .port = 443, .addr = {104, 16, 3, 35}};
    return r;
}

Test(choices, sockets_reach_a_port_or_a_host)
{
    VIEW(v);
    view_add(&v, 0, make_connect(1, "registry.npmjs.org"), now);
    arm(&v, &now);
    press_slowly(&v, '>', &now, &d);
    press_slowly(&v, 's', &now, &d);
    cr_assert_eq(confirm(&v, "registry.npmjs.org", &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.reach, REACH_HOST);
    view_add(&v, 0, make_connect(2, ""), now);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.reach, REACH_PORT);
    view_add(&v, 0, make_connect(3, ""), now);
    press_slowly(&v, 'p', &now, &d);
    cr_assert_eq(confirm(&v, "104.16.3.35", &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.scope, SCOPE_ALWAYS);
}

Test(choices, a_socket_for_this_program_alone)
{
    VIEW(v);
    view_add(&v, 0, make_connect(1, ""), now);
    view_add(&v, 0, make_connect(2, ""), now);
    arm(&v, &now);
    press_slowly(&v, '=', &now, &d);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_DECIDE);
    cr_expect(!d.program, "once is about this call");
    press_slowly(&v, '=', &now, &d);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_DECIDE);
    cr_expect(d.program);
    view_add(&v, 0, make_connect(3, ""), now);
    cr_assert_eq(press_slowly(&v, 'D', &now, &d), VIEW_DECIDE);
    cr_expect(!d.program, "it was about another request");
    view_add(&v, 0, make_connect(4, ""), now);
    press_slowly(&v, '=', &now, &d);
    press_slowly(&v, '=', &now, &d);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_DECIDE);
    cr_expect(!d.program, "any again");
    view_add(&v, 0, make_request(5, RISK_NONE), now);
    press_slowly(&v, '=', &now, &d);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_DECIDE);
    cr_expect(!d.program, "no rule about a file is");
}

Test(choices, the_rule_of_one_program_in_words)
{
    cleanup_request struct request *r = make_connect(1, "example.org");
    cleanup_buf struct buf b = {0};
    const struct decision d = {
        .verdict = VERDICT_ALLOW, .scope = SCOPE_SESSION, .reach = REACH_HOST, .program = true};
    free(r->exe);
    r->exe = xstrdup("/usr/bin/cu\033rl");
    reach_rule(&b, r, &d, 0);
    cr_expect_str_eq(buf_str(&b), "allow this session: connect to any port of example.org "
                                  "(104.16.3.35) by /usr/bin/cu\\x1brl alone");
}

Test(choices, an_abstract_socket_leaves_no_rule)
{
    VIEW(v);
    struct request *r = make_connect(1, "");
    r->peer = (struct endpoint){.family = AF_UNIX, .type = SOCK_STREAM, .abstract = true};
    view_add(&v, 0, r, now);
    arm(&v, &now);
    cr_assert_eq(press_slowly(&v, 's', &now, &d), VIEW_NOTHING);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_DECIDE);
}

Test(choices, how_long_t_allows)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, 'T', &now, &d);
    cr_assert_eq(press_slowly(&v, 't', &now, &d), VIEW_DECIDE);
    cr_assert_eq(d.for_ns, 3600 * NS_PER_SEC);
}

Test(choices, marked_ones_are_decided_together)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 5; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, ' ', &now, &d);
    press_slowly(&v, ' ', &now, &d);
    cr_assert_eq(v.marked, 2);
    cr_assert_eq(selected_id(&v), 3);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_NOTHING, "several need a name");
    cr_assert_eq(confirm(&v, "id_3", &now, &d), VIEW_NOTHING, "of one of them");
    press_slowly(&v, 'o', &now, &d);
    cr_assert_eq(confirm(&v, "id_1", &now, &d), VIEW_DECIDE);
    cr_assert_eq(taken, 2);
    cr_assert_eq(d.request, 1);
    cr_assert_eq(d.digest[0], 1);
    cr_assert_eq(v.waiting, 3);
    cr_assert_eq(v.marked, 0);
    cr_assert_eq(selected_id(&v), 3);
}

Test(choices, what_was_not_on_the_screen_is_not_allowed_with_the_others)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 5; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '*', &now, &d);
    cr_assert_eq(v.marked, 5);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_NOTHING);
    cr_assert_eq(v.prompt, VIEW_PROMPT_NONE);
    cr_assert(v.hint);
    see_all(&v);
    press_slowly(&v, 's', &now, &d);
    cr_assert_eq(confirm(&v, "id_1", &now, &d), VIEW_DECIDE);
    cr_assert_eq(taken, 5);
}

Test(choices, several_are_allowed_by_the_name_of_the_one_of_highest_risk)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, id == 2 ? RISK_HIGH : RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '*', &now, &d);
    see_all(&v);
    cr_assert_eq(view_marked_high(&v), 1);
    press_slowly(&v, 'o', &now, &d);
    cr_assert_eq(confirm(&v, "id_1", &now, &d), VIEW_NOTHING);
    cr_assert_eq(taken, 0);
    press_slowly(&v, 'o', &now, &d);
    cr_assert_eq(confirm(&v, "id_2", &now, &d), VIEW_DECIDE);
    cr_assert_eq(taken, 3);
}

Test(choices, denying_several_needs_no_name)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, RISK_HIGH), now);
    arm(&v, &now);
    press_slowly(&v, '*', &now, &d);
    cr_assert_eq(press_slowly(&v, 'd', &now, &d), VIEW_DECIDE);
    cr_assert_eq(taken, 3);
    cr_assert_eq(d.verdict, VERDICT_DENY);
}

Test(choices, a_mark_goes_with_its_request)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '*', &now, &d);
    see_all(&v);
    press_slowly(&v, 'o', &now, &d);
    type_name(&v, "id_1", &now);
    finish(&v, 2, STATE_WITHDRAWN, VERDICT_WITHDRAWN, now);
    cr_assert_eq(v.marked, 2);
    cr_assert_eq(press(&v, '\r', now, &d), VIEW_DECIDE);
    cr_assert_eq(taken, 2);
}

Test(choices, filter_hides_and_unmarks)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 12; id++)
        view_add(&v, 0, make_request(id, id == 12 ? RISK_HIGH : RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, '*', &now, &d);
    press(&v, '&', now, &d);
    type_name(&v, "ID_1 -id_12", &now);
    press(&v, '\r', now, &d);
    cr_assert_eq(v.listed, 3, "%zu: 1, 10, 11", v.listed);
    cr_assert_eq(v.marked, 3);
    view_add(&v, 0, make_request(100, RISK_NONE), now);
    view_add(&v, 0, make_request(200, RISK_NONE), now);
    cr_assert_eq(v.listed, 4);
    cr_assert_eq(v.waiting, 14);
    press(&v, '&', now, &d);
    press(&v, 0x15, now, &d);
    press(&v, '\r', now, &d);
    cr_assert_eq(v.listed, 14);
}

Test(choices, filter_moves_the_cursor_to_what_is_left)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press(&v, '&', now, &d);
    type_name(&v, "id_3", &now);
    press(&v, '\r', now, &d);
    cr_assert_eq(selected_id(&v), 3);
    cr_assert_eq(view_lock(&v, now), VIEW_LOCK_HIDDEN);
    finish(&v, 3, STATE_WITHDRAWN, VERDICT_WITHDRAWN, now);
    view_tick(&v, now + 6 * NS_PER_SEC);
    cr_assert_eq(v.selected, 0, "nothing hidden comes under the cursor");
}

Test(choices, search_goes_round)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 4; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press(&v, '/', now, &d);
    type_name(&v, "id_3", &now);
    press(&v, '\r', now, &d);
    cr_assert_eq(selected_id(&v), 3);
    press(&v, 'g', now, &d);
    press(&v, 'N', now, &d);
    cr_assert_eq(selected_id(&v), 3);
    press(&v, '/', now, &d);
    type_name(&v, "nowhere", &now);
    press(&v, '\r', now, &d);
    cr_assert_eq(selected_id(&v), 3);
    cr_assert(v.hint);
}

Test(choices, a_search_of_a_replay_is_the_owners)
{
    VIEW(v);
    v.replay = true;
    view_set_focus(&v, true, now);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    cr_assert_eq(press(&v, 'n', now, &d), VIEW_NOTHING);
    cr_assert(v.hint, "nothing to search for");
    press(&v, '/', now, &d);
    type_name(&v, "id_3", &now);
    cr_assert_eq(press(&v, '\r', now, &d), VIEW_FIND);
    cr_assert_eq(press(&v, 'N', now, &d), VIEW_FIND_BACK);
    press(&v, '&', now, &d);
    type_name(&v, "ssh", &now);
    press(&v, '\r', now, &d);
    press(&v, '/', now, &d);
    type_name(&v, "id_", &now);
    // To another moment, while words are typed.
    view_clear(&v, now);
    cr_assert(v.n == 0 && v.focus && v.replay && v.selected == 0);
    cr_assert_str_eq(buf_str(&v.filter), "ssh");
    view_add(&v, 0, make_request(4, RISK_NONE), now);
    view_add(&v, 0, make_request(5, RISK_NONE), now);
    type_name(&v, "4", &now);
    cr_assert_eq(press(&v, '\r', now, &d), VIEW_FIND);
    cr_assert_str_eq(buf_str(&v.search), "id_4");
    view_select_request(&v, 0, 5, now);
    cr_assert_eq(selected_id(&v), 5);
    view_select_request(&v, 0, 6, now);
    cr_assert_eq(selected_id(&v), 5);
    // The page of a request that is there again stays; of one that is not, there is none.
    press(&v, '\r', now, &d);
    v.scroll = 2;
    view_clear(&v, now);
    view_add(&v, 0, make_request(4, RISK_NONE), now);
    view_add(&v, 0, make_request(5, RISK_NONE), now);
    view_refilled(&v, now);
    cr_assert_eq(selected_id(&v), 5);
    cr_assert(v.mode == VIEW_DETAIL && v.scroll == 2);
    view_clear(&v, now);
    view_add(&v, 0, make_request(4, RISK_NONE), now);
    view_refilled(&v, now);
    cr_assert_eq(selected_id(&v), 4);
    cr_assert_eq(v.mode, VIEW_LIST);
    view_add(&v, 0, make_request(5, RISK_NONE), now);
    cr_assert_eq(selected_id(&v), 4);
    // No page offers to take back what is over.
    press(&v, '\t', now, &d);
    cr_assert_eq(v.mode, VIEW_DETAIL);
    press(&v, '\t', now, &d);
    cr_assert_eq(v.mode, VIEW_LIST);
    v.replay = false;
    press(&v, '\t', now, &d);
    press(&v, '\t', now, &d);
    cr_assert_eq(v.mode, VIEW_GRANTS);
    press(&v, '\t', now, &d);
    v.replay = true;
    // What was typed to be confirmed, or as a note, is of the requests that left.
    press(&v, 'm', now, &d);
    view_clear(&v, now);
    cr_assert_eq(v.prompt, VIEW_PROMPT_NONE);
}

Test(choices, a_note_goes_with_one_decision)
{
    VIEW(v);
    unsigned session;
    char raw[] = "d";
    struct input_key key = {.code = 'd', .raw = raw, .raw_len = 1};

    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_add(&v, 0, make_request(2, RISK_NONE), now);
    arm(&v, &now);
    press(&v, 'm', now, &d);
    type_name(&v, "why not", &now);
    press(&v, '\r', now, &d);
    show(&v, now);
    now += 600 * MS;
    cr_assert_eq(view_press(&v, &key, true, now), VIEW_DECIDE);
    cr_assert(view_take(&v, now, &session, &d));
    cr_assert_str_eq(d.note, "why not");
    cr_assert_not(view_take(&v, now, &session, &d));
    show(&v, now);
    now += 600 * MS;
    cr_assert_eq(view_press(&v, &key, true, now), VIEW_DECIDE);
    cr_assert(view_take(&v, now, &session, &d));
    cr_assert_null(d.note);
}

static void
set_grants(struct view *v, unsigned session, size_t n, const uint64_t *ids, uint64_t now)
{
    static char path[] = "/x";
    struct grant grants[8] = {0};
    const struct grant *pointers[8];

    for (size_t i = 0; i < n; i++) {
        grants[i] = (struct grant){.id = ids[i],
                                   .request = ids[i] - 10,
                                   .verdict = VERDICT_ALLOW,
                                   .op = OP_READ,
                                   .scope = SCOPE_SESSION,
                                   .reach = REACH_OBJECT,
                                   .path = path};
        pointers[i] = &grants[i];
    }
    view_set_grants(v, session, pointers, n, now);
}

Test(choices, undo_takes_back_one_grant_after_the_other)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    arm(&v, &now);
    press_slowly(&v, 's', &now, &d);
    press_slowly(&v, 's', &now, &d);
    press_slowly(&v, 'o', &now, &d);
    set_grants(&v, 0, 2, (uint64_t[]){11, 12}, now);
    cr_assert_eq(press_slowly(&v, 'u', &now, &d), VIEW_NOTHING, "once leaves nothing");
    cr_assert_eq(press_slowly(&v, 'u', &now, &d), VIEW_REVOKE);
    cr_assert_eq(v.wish.grant, 12);
    cr_assert_eq(press_slowly(&v, 'u', &now, &d), VIEW_REVOKE);
    cr_assert_eq(v.wish.grant, 11);
    cr_assert_eq(press_slowly(&v, 'u', &now, &d), VIEW_NOTHING);
}

Test(choices, grants_are_taken_back_by_id)
{
    VIEW(v);
    set_grants(&v, 0, 3, (uint64_t[]){11, 12, 13}, now);
    view_set_focus(&v, true, now);
    press(&v, 'U', now, &d);
    press(&v, 'j', now, &d);
    // The first one goes: the cursor stays on its grant, wherever that is now.
    set_grants(&v, 0, 2, (uint64_t[]){12, 13}, now);
    cr_assert_eq(press(&v, 'r', now, &d), VIEW_REVOKE);
    cr_assert_eq(v.wish.grant, 12);
    // The one under the cursor goes: a key that was on its way does not meet its neighbour.
    set_grants(&v, 0, 1, (uint64_t[]){13}, now);
    cr_assert_eq(press(&v, 'r', now + 599 * MS, &d), VIEW_NOTHING);
    cr_assert_eq(press(&v, 'r', now + 600 * MS, &d), VIEW_REVOKE);
    cr_assert_eq(v.wish.grant, 13);
    set_grants(&v, 0, 0, NULL, now);
    cr_assert_eq(press(&v, 'r', now + 3 * NS_PER_SEC, &d), VIEW_NOTHING);
}

Test(choices, several_sessions_in_one_queue)
{
    VIEW(v);
    view_add_session(&v, 0, "7f3a", NULL, "a");
    view_add_session(&v, 3, "7e90", NULL, "b");
    view_add(&v, 3, make_request(1, RISK_NONE), now);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_add(&v, 3, make_request(2, RISK_NONE), now);
    view_add(&v, UI_SESSIONS_MAX, make_request(1, RISK_NONE), now);
    cr_assert_eq(v.n, 3);
    cr_assert_eq(view_selected(&v)->session, 3, "the oldest");
    arm(&v, &now);

    unsigned session = 9;
    char raw[] = "d";
    struct input_key key = {.code = 'd', .raw = raw, .raw_len = 1};
    cr_assert_eq(view_press(&v, &key, true, now), VIEW_DECIDE);
    cr_assert(view_take(&v, now, &session, &d));
    cr_assert_eq(session, 3);
    cr_assert_eq(d.request, 1);
    cr_assert_not(view_take(&v, now, &session, &d));
    cr_assert_eq(view_selected(&v)->session, 0);

    view_end_session(&v, 3, now);
    cr_assert_eq(v.waiting, 1);
    view_tick(&v, now + 6 * NS_PER_SEC);
    cr_assert_eq(v.n, 1);
}

Test(choices, freezing_is_about_the_selected_session)
{
    VIEW(v);
    view_add_session(&v, 2, "7e90", NULL, "b");
    view_add(&v, 2, make_request(1, RISK_NONE), now);
    press(&v, KEYS_PREFIX, now, &d);
    cr_assert_eq(press(&v, 'f', now, &d), VIEW_FREEZE);
    cr_assert_eq(v.wish.session, 2);
    cr_assert(v.wish.on);
    view_set_frozen(&v, 2, true);
    press(&v, KEYS_PREFIX, now, &d);
    press(&v, 'f', now, &d);
    cr_assert_not(v.wish.on);
}

Test(choices, an_error_lets_it_be_decided_again)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    arm(&v, &now);
    press(&v, 'o', now, &d);
    cr_assert_eq(v.waiting, 0);
    view_update(&v, 0, &(struct request_update){.id = 1, .error = -EBADMSG}, now);
    cr_assert_eq(v.waiting, 1);
    cr_assert_eq(press_slowly(&v, 'o', &now, &d), VIEW_DECIDE);
}

Test(choices, past_decisions_are_counted_by_kind)
{
    VIEW(v);
    unsigned allowed, denied;
    for (uint64_t id = 1; id <= 3; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    finish(&v, 1, STATE_ANSWERED, VERDICT_ALLOW, now);
    finish(&v, 2, STATE_ANSWERED, VERDICT_DENY, now);
    finish(&v, 2, STATE_ANSWERED, VERDICT_DENY, now);
    view_past(&v, v.rows[2], &allowed, &denied);
    cr_assert_eq(allowed, 1);
    cr_assert_eq(denied, 1);
    cr_assert_eq(view_like(&v, v.rows[2]), 0, "not like itself");
    cr_assert_eq(view_like(&v, v.rows[0]), 1);
}

Test(choices, rules_in_words)
{
    static const struct {
        enum op op;
        unsigned access;
        uint32_t mode;
        enum scope scope;
        enum reach reach;
        const char *want;
    } rows[] = {
        {OP_READ, ACCESS_READ, S_IFREG, SCOPE_ONCE, REACH_OBJECT,
         "allow this one call; no rule stays"},
        {OP_READ, ACCESS_READ, S_IFREG, SCOPE_TIME, REACH_OBJECT,
         "allow for 1h30m: read of exactly this file, /home/u/.ssh/id_1"},
        {OP_READ, ACCESS_READ, S_IFREG, SCOPE_SESSION, REACH_DIR,
         "allow this session: read of what lies directly in /home/u/.ssh"},
        {OP_WRITE, ACCESS_WRITE, S_IFREG, SCOPE_ALWAYS, REACH_SUBTREE,
         "allow always: write and every other change of everything below /home/u/.ssh"},
        {OP_READ, ACCESS_READ, S_IFDIR, SCOPE_SESSION, REACH_SUBTREE,
         "allow this session: read of everything below /home/u/.ssh/id_1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_request struct request *r = make_request(1, RISK_NONE);
        cleanup_buf struct buf b = {0};
        r->op = rows[i].op;
        r->access = rows[i].access;
        r->object = (struct object){.exists = true, .mode = rows[i].mode | 0644};
        const struct decision d = {.verdict = VERDICT_ALLOW,
                                   .scope = rows[i].scope,
                                   .reach = rows[i].reach,
                                   .for_ns = 5400 * NS_PER_SEC};
        reach_rule(&b, r, &d, 0);
        cr_expect_str_eq(buf_str(&b), rows[i].want);
    }
}

// What the last key had to say is no news for ever.
Test(choices, a_hint_goes_after_a_while)
{
    struct view v;
    struct decision d;

    view_init(&v, false, START);
    view_add(&v, 0, make_request(1, RISK_NONE), START);
    press(&v, 'n', START, &d);
    cr_assert(v.hint);
    cr_assert_leq(view_deadline(&v, START), START + VIEW_SAID_NS);
    cr_assert_not(view_tick(&v, START + VIEW_SAID_NS - 1));
    cr_assert(v.hint);
    cr_assert(view_tick(&v, START + VIEW_SAID_NS));
    cr_assert_null(v.hint);
    view_done(&v);
}

// Who turns to the approvals is there for what waits.
Test(choices, the_focus_does_not_land_on_what_is_over)
{
    struct view v;
    struct decision d;

    view_init(&v, true, START);
    view_add(&v, 0, make_request(1, RISK_NONE), START);
    view_add(&v, 0, make_request(2, RISK_NONE), START);
    finish(&v, 1, STATE_WITHDRAWN, VERDICT_WITHDRAWN, START);
    cr_assert_eq(view_selected(&v)->request->id, 1);
    press(&v, KEYS_PREFIX, START, &d);
    press(&v, 'a', START, &d);
    cr_assert_eq(view_selected(&v)->request->id, 2);
    // One that waits keeps the cursor.
    view_add(&v, 0, make_request(3, RISK_NONE), START);
    press(&v, KEYS_PREFIX, START, &d);
    press(&v, 'a', START, &d);
    cr_assert_eq(view_selected(&v)->request->id, 2);
    view_done(&v);
}
