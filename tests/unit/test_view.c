// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>

#include "view_helpers.h"

// Two requests, the first one armed.
static void
arm(struct view *v, uint64_t *now)
{
    view_add(v, 0, make_request(1, RISK_NONE), *now);
    view_add(v, 0, make_request(2, RISK_HIGH), *now);
    view_set_focus(v, true, *now);
    show(v, *now);
    *now += 600 * MS;
    cr_assert_eq(view_lock(v, *now), VIEW_ARMED);
}

static enum scope
scope_of_key(uint32_t key)
{
    return key == 'o' || key == 'd'   ? SCOPE_ONCE
           : key == 't'               ? SCOPE_TIME
           : key == 's' || key == 'D' ? SCOPE_SESSION
                                      : SCOPE_ALWAYS;
}

Test(view, only_six_keys_decide_when_armed)
{
    for (size_t i = 0; i < ARRAY_SIZE(all_keys); i++) {
        VIEW(v);
        uint32_t k = all_keys[i];
        bool allows = k == 'o' || k == 't' || k == 's', denies = k == 'd' || k == 'D' || k == 'P';

        arm(&v, &now);
        cr_expect_eq(press(&v, k, now, &d) == VIEW_DECIDE, allows || denies, "key %x", k);
        cr_expect_eq(v.prompt == VIEW_PROMPT_CONFIRM, k == 'p', "key %x", k);
        if (!allows && !denies)
            continue;
        cr_expect_eq(taken, 1);
        cr_expect_eq(d.request, 1);
        cr_expect_eq(d.digest[0], 1);
        cr_expect_eq(d.verdict, allows ? VERDICT_ALLOW : VERDICT_DENY);
        cr_expect_eq(d.scope, scope_of_key(k));
        cr_expect_eq(d.for_ns, k == 't' ? 15 * 60 * NS_PER_SEC : 0);
        cr_expect_eq(d.reach, REACH_OBJECT);
        cr_expect_eq(d.by, DECIDER_USER);
        cr_expect_eq(d.reason, allows ? REASON_NONE : REASON_USER_DENIED);
        cr_expect_eq(d.error, allows ? 0 : EACCES);
        cr_expect_eq(d.waited_ms, 1600);
        cr_expect_eq(d.real_ns, 0);
    }
}

enum spoiler {
    UNFOCUSED,
    HIDDEN,
    CUT,
    NOT_QUIET,
    SMALL,
    BURST,
    PREFIXED,
    HELP,
    TYPING,
    PASTED,
    GONE,
    RESIZED,
    MOVED,
    WIDENED,
    LONGER,
    GRANTS,
    NOTING,
    FILTERING,
    SCROLLING,
    SPOILERS,
};

static void
spoil(struct view *v, enum spoiler how, uint64_t *now)
{
    struct decision d;

    switch (how) {
    case UNFOCUSED:
        view_set_focus(v, false, *now);
        show(v, *now);
        *now += NS_PER_SEC;
        break;
    case HIDDEN:
        view_displayed(v, 0, 0, 0, 0, *now);
        *now += NS_PER_SEC;
        break;
    case CUT:
        view_displayed(v, v->selected, 0, 2, 3, *now);
        *now += NS_PER_SEC;
        break;
    case NOT_QUIET:
        press(v, 'g', *now, &d);
        *now += 599 * MS;
        break;
    case SMALL:
        view_set_size(v, 7, 80, *now);
        show(v, *now);
        *now += NS_PER_SEC;
        break;
    case PREFIXED:
        press(v, KEYS_PREFIX, *now, &d);
        *now += NS_PER_SEC;
        break;
    case HELP:
        press(v, '?', *now, &d);
        *now += NS_PER_SEC;
        break;
    case TYPING:
        press(v, 'x', *now, &d);
        press(v, 'y', *now + 900 * MS, &d);
        *now += 5 * NS_PER_SEC;
        break;
    case PASTED:
        press(v, INPUT_PASTE, *now, &d);
        *now += 5 * NS_PER_SEC;
        break;
    case GONE:
        finish(v, 1, STATE_WITHDRAWN, VERDICT_WITHDRAWN, *now);
        *now += NS_PER_SEC;
        break;
    case RESIZED:
        view_set_size(v, 40, 120, *now);
        *now += NS_PER_SEC;
        break;
    case MOVED:
        press(v, 'j', *now, &d);
        show(v, *now);
        *now += 599 * MS;
        break;
    case WIDENED: /* the rule that the keys would leave is not on the screen yet */
        press(v, '>', *now, &d);
        *now += NS_PER_SEC;
        break;
    case LONGER:
        press(v, 'T', *now, &d);
        *now += NS_PER_SEC;
        break;
    case GRANTS:
        press(v, 'U', *now, &d);
        *now += NS_PER_SEC;
        break;
    case NOTING:
        press(v, 'm', *now, &d);
        *now += NS_PER_SEC;
        break;
    case FILTERING:
        press(v, '&', *now, &d);
        *now += NS_PER_SEC;
        break;
    case SCROLLING:
        press(v, KEYS_PREFIX, *now, &d);
        press(v, '[', *now, &d);
        *now += NS_PER_SEC;
        break;
    case BURST:
    case SPOILERS:
        break;
    }
}

Test(view, no_key_decides_in_any_other_state)
{
    for (enum spoiler how = 0; how < SPOILERS; how++) {
        for (size_t i = 0; i < ARRAY_SIZE(all_keys); i++) {
            VIEW(v);
            arm(&v, &now);
            spoil(&v, how, &now);
            cr_expect_neq(press_as(&v, all_keys[i], how != BURST, now, &d), VIEW_DECIDE,
                          "state %d, key %x", how, all_keys[i]);
            cr_expect_neq(v.prompt, VIEW_PROMPT_CONFIRM, "state %d, key %x", how, all_keys[i]);
        }
    }
}

Test(view, the_lock_says_why)
{
    static const enum view_lock want[SPOILERS] = {
        [UNFOCUSED] = VIEW_LOCK_FOCUS, [HIDDEN] = VIEW_LOCK_HIDDEN,  [CUT] = VIEW_LOCK_CUT,
        [NOT_QUIET] = VIEW_LOCK_QUIET, [SMALL] = VIEW_LOCK_SMALL,    [BURST] = VIEW_ARMED,
        [PREFIXED] = VIEW_LOCK_BUSY,   [HELP] = VIEW_LOCK_HIDDEN,    [TYPING] = VIEW_LOCK_TYPING,
        [PASTED] = VIEW_LOCK_TYPING,   [GONE] = VIEW_LOCK_DONE,      [RESIZED] = VIEW_LOCK_HIDDEN,
        [MOVED] = VIEW_LOCK_QUIET,     [WIDENED] = VIEW_LOCK_HIDDEN, [LONGER] = VIEW_LOCK_HIDDEN,
        [GRANTS] = VIEW_LOCK_HIDDEN,   [NOTING] = VIEW_LOCK_BUSY,    [FILTERING] = VIEW_LOCK_BUSY,
        [SCROLLING] = VIEW_LOCK_FOCUS,
    };

    for (enum spoiler how = 0; how < SPOILERS; how++) {
        VIEW(v);
        arm(&v, &now);
        spoil(&v, how, &now);
        cr_expect_eq(view_lock(&v, now), want[how], "state %d", how);
        cr_expect(view_lock_text(view_lock(&v, now)));
    }
}

Test(view, quiet_means_no_key_at_all)
{
    VIEW(v);
    arm(&v, &now);
    press(&v, 'o' + 1000, now, &d); /* unknown */
    for (int i = 0; i < 20; i++) {
        now += 500 * MS;
        cr_assert_eq(press(&v, 'g', now, &d), VIEW_NOTHING);
        cr_assert_eq(view_lock(&v, now), VIEW_LOCK_QUIET);
    }
    now += 599 * MS;
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_NOTHING);
    now += 599 * MS;
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_NOTHING);
    now += 600 * MS;
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_DECIDE);
    cr_assert_eq(d.keys_ignored, 3);
}

Test(view, type_ahead_across_a_new_request_decides_nothing)
{
    __attribute__((cleanup(view_done))) struct view v;
    struct decision d;
    uint64_t now = START;
    const char *text = "please do so";

    view_init(&v, false, now);
    for (size_t i = 0; i < strlen(text); i++) {
        if (i == 5) {
            view_add(&v, 0, make_request(1, RISK_NONE), now);
            cr_assert(v.flush);
        }
        show(&v, now);
        now += 150 * MS;
        cr_assert_eq(press(&v, (unsigned char)text[i], now, &d), VIEW_NOTHING);
    }
    cr_assert_gt(v.rows[0]->keys_ignored, 4);
}

Test(view, high_risk_asks_for_the_name)
{
    VIEW(v);
    view_add(&v, 0, make_request(7, RISK_HIGH), now);
    view_set_focus(&v, true, now);
    show(&v, now);
    now += 600 * MS;
    cr_assert_eq(press(&v, 's', now, &d), VIEW_NOTHING);
    cr_assert_eq(v.prompt, VIEW_PROMPT_CONFIRM);
    type_name(&v, "id_9", &now);
    cr_assert_eq(press(&v, 0x7f, now, &d), VIEW_NOTHING);
    type_name(&v, "7", &now);
    cr_assert_eq(press_as(&v, '\r', false, now, &d), VIEW_NOTHING, "Enter inside a burst");
    cr_assert_eq(press(&v, '\r', now, &d), VIEW_DECIDE);
    cr_assert_eq(d.request, 7);
    cr_assert_eq(d.verdict, VERDICT_ALLOW);
    cr_assert_eq(d.scope, SCOPE_SESSION);
}

Test(view, high_risk_is_not_allowed_by_anything_else)
{
    static const char *const wrong[] = {"", "id_", "id_77", "ID_7", "/home/u/.ssh/id_7", "y"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        VIEW(v);
        view_add(&v, 0, make_request(7, RISK_HIGH), now);
        view_set_focus(&v, true, now);
        show(&v, now);
        now += 600 * MS;
        press(&v, 'o', now, &d);
        type_name(&v, wrong[i], &now);
        cr_expect_eq(press(&v, '\r', now, &d), VIEW_NOTHING, "%s", wrong[i]);
        cr_expect_neq(v.prompt, VIEW_PROMPT_CONFIRM);
        cr_expect_eq(v.waiting, 1);
    }
}

Test(view, a_confirmation_ends_with_its_request)
{
    for (int how = 0; how < 5; how++) {
        VIEW(v);
        view_add(&v, 0, make_request(7, RISK_HIGH), now);
        view_set_focus(&v, true, now);
        show(&v, now);
        now += 600 * MS;
        press(&v, 'o', now, &d);
        type_name(&v, "id_7", &now);
        if (how == 0)
            finish(&v, 7, STATE_WITHDRAWN, VERDICT_WITHDRAWN, now);
        else if (how == 1)
            press(&v, '\033', now, &d);
        else if (how == 2)
            press(&v, INPUT_PASTE, now, &d);
        else if (how == 3)
            view_set_size(&v, 50, 100, now);
        else
            press(&v, KEYS_PREFIX, now, &d);
        cr_expect_neq(v.prompt, VIEW_PROMPT_CONFIRM, "%d", how);
        cr_expect_neq(press(&v, '\r', now, &d), VIEW_DECIDE, "%d", how);
    }
}

Test(view, deny_of_high_risk_needs_no_name)
{
    VIEW(v);
    view_add(&v, 0, make_request(7, RISK_HIGH), now);
    view_set_focus(&v, true, now);
    show(&v, now);
    now += 600 * MS;
    cr_assert_eq(press(&v, 'D', now, &d), VIEW_DECIDE);
}

Test(view, selection_stays_on_its_request)
{
    VIEW(v);
    for (uint64_t id = 10; id < 20; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    view_set_focus(&v, true, now);
    for (int i = 0; i < 5; i++)
        press(&v, 'j', now, &d);
    cr_assert_eq(selected_id(&v), 15);
    show(&v, now);
    now += 600 * MS;
    for (uint64_t id = 10; id < 15; id++)
        finish(&v, id, STATE_ANSWERED, VERDICT_DENY, now);
    view_add(&v, 0, make_request(30, RISK_NONE), now);
    view_add(&v, 0, make_request(5, RISK_NONE), now);
    view_tick(&v, now + 10 * NS_PER_SEC);
    cr_assert_eq(selected_id(&v), 15);
    cr_assert_eq(v.n, 7);
    cr_assert_eq(view_lock(&v, now), VIEW_ARMED);
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_DECIDE);
    cr_assert_eq(d.request, 15);
}

Test(view, the_next_one_is_armed_anew_after_a_decision)
{
    VIEW(v);
    arm(&v, &now);
    cr_assert_eq(press(&v, 'd', now, &d), VIEW_DECIDE);
    cr_assert_eq(selected_id(&v), 2);
    cr_assert(v.flush);
    cr_assert_eq(v.waiting, 1);
    cr_assert_eq(view_lock(&v, now + NS_PER_SEC), VIEW_LOCK_HIDDEN);
    now += NS_PER_SEC;
    show(&v, now);
    cr_assert_eq(press(&v, 'd', now + 599 * MS, &d), VIEW_NOTHING);
}

Test(view, a_decision_is_taken_once)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_set_focus(&v, true, now);
    show(&v, now);
    now += 600 * MS;
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_DECIDE);
    now += 2 * NS_PER_SEC;
    cr_assert_eq(view_lock(&v, now), VIEW_LOCK_SENT);
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_NOTHING);
    view_unsent(&v, 0, 1);
    now += 2 * NS_PER_SEC;
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_DECIDE);
}

Test(view, finished_rows_stay_a_while_and_are_dead)
{
    VIEW(v);
    arm(&v, &now);
    finish(&v, 1, STATE_EXPIRED, VERDICT_EXPIRED, now);
    cr_assert_eq(selected_id(&v), 1);
    cr_assert_eq(v.waiting, 1);
    cr_assert_eq(view_lock(&v, now), VIEW_LOCK_DONE);
    cr_assert_not(view_tick(&v, now + 4999 * MS));
    cr_assert(view_tick(&v, now + 5000 * MS));
    cr_assert_eq(v.n, 1);
    cr_assert_eq(selected_id(&v), 2);
    cr_assert_eq(view_lock(&v, now + 5000 * MS), VIEW_LOCK_HIDDEN);
}

Test(view, prefix_keys)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_TO_AGENT);
    cr_assert_eq(press(&v, KEYS_PREFIX, now, &d), VIEW_NOTHING);
    cr_assert_eq(press(&v, ']', now, &d), VIEW_LITERAL);
    press(&v, KEYS_PREFIX, now, &d);
    cr_assert_eq(press(&v, KEYS_PREFIX, now, &d), VIEW_LITERAL);
    press(&v, INPUT_F0 + 12, now, &d);
    cr_assert_eq(press(&v, 'd', now, &d), VIEW_LEAVE);
    press(&v, KEYS_PREFIX, now, &d);
    cr_assert_eq(press(&v, 'a', now, &d), VIEW_NOTHING);
    cr_assert(v.focus);
    cr_assert_eq(press(&v, 'q', now, &d), VIEW_NOTHING);
    cr_assert_not(v.focus);
    cr_assert_eq(press(&v, INPUT_PASTE, now, &d), VIEW_TO_AGENT);
}

Test(view, a_long_path_must_be_seen_to_its_end)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_set_focus(&v, true, now);
    press(&v, '\r', now, &d);
    view_displayed(&v, v.selected, 0, 3, 9, now);
    cr_assert_eq(view_lock(&v, now + NS_PER_SEC), VIEW_LOCK_CUT);
    view_displayed(&v, v.selected, 5, 9, 9, now);
    cr_assert_eq(view_lock(&v, now + NS_PER_SEC), VIEW_LOCK_CUT, "a gap");
    view_displayed(&v, v.selected, 2, 6, 9, now);
    view_displayed(&v, v.selected, 6, 9, 9, now);
    cr_assert_eq(view_lock(&v, now + 599 * MS), VIEW_LOCK_QUIET);
    cr_assert_eq(view_lock(&v, now + 600 * MS), VIEW_ARMED);
    view_displayed(&v, v.selected, 7, 10, 9, now);
    cr_assert_eq(view_lock(&v, now + 600 * MS), VIEW_LOCK_AWAY, "a line less than fits");
    press(&v, 27, now, &d);
    view_displayed(&v, v.selected, 0, 3, 9, now);
    cr_assert_eq(view_lock(&v, now + 600 * MS), VIEW_LOCK_AWAY, "the list has not room for it");
}

// I4: what is decided is on the screen, not what was there some pages ago.
Test(view, scrolled_out_of_sight_nothing_is_decided)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_set_focus(&v, true, now);
    press(&v, '\r', now, &d);
    view_displayed(&v, v.selected, 0, 8, 2, now);
    now += 600 * MS;
    cr_assert_eq(view_lock(&v, now), VIEW_ARMED);
    press(&v, 'j', now, &d);
    view_displayed(&v, v.selected, 1, 9, 2, now);
    now += NS_PER_SEC;
    cr_assert_eq(view_lock(&v, now), VIEW_LOCK_AWAY);
    cr_assert_eq(press(&v, 'o', now, &d), VIEW_NOTHING);
    cr_assert_eq(view_selected(&v)->keys_ignored, 1);
    view_displayed(&v, v.selected, 5, 13, 2, now);
    cr_assert_eq(view_lock(&v, now + NS_PER_SEC), VIEW_LOCK_AWAY, "none of it");
    now += NS_PER_SEC;
    view_displayed(&v, v.selected, 0, 8, 2, now);
    cr_assert_eq(view_lock(&v, now + 599 * MS), VIEW_LOCK_QUIET, "it has just come back");
    cr_assert_eq(press(&v, 'o', now + 600 * MS, &d), VIEW_DECIDE);
}

Test(view, a_hint_about_a_guard_goes_with_it)
{
    VIEW(v);
    view_add(&v, 0, make_request(1, RISK_NONE), now);
    view_set_focus(&v, true, now);
    view_set_size(&v, 5, 40, now);
    press(&v, 'o', now, &d);
    cr_assert_str_eq(v.hint, view_lock_text(VIEW_LOCK_SMALL));
    cr_assert_not(view_tick(&v, now));
    cr_assert(v.hint);
    view_set_size(&v, 24, 80, now);
    cr_assert(view_tick(&v, now));
    cr_assert_null(v.hint);
    show(&v, now);
    press(&v, 'o', now, &d);
    view_tick(&v, now + NS_PER_SEC);
    cr_assert_str_eq(v.hint, view_lock_text(VIEW_LOCK_QUIET), "for somebody who reads slowly");
}

Test(view, ten_thousand_requests)
{
    VIEW(v);
    for (uint64_t id = 1; id <= 10000; id++)
        view_add(&v, 0, make_request(id, RISK_NONE), now);
    for (uint64_t id = 1; id <= 10000; id++)
        finish(&v, id, STATE_ANSWERED, VERDICT_DENY, now);
    cr_assert_eq(v.waiting, 0);
    view_tick(&v, now + 6 * NS_PER_SEC);
    cr_assert_eq(v.n, 0);
    cr_assert_eq(selected_id(&v), 0);
}
