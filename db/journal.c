// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include <string.h>

#include "db.h"
#include "facts.h"

void
head_bytes(struct buf *b, const char *id, const struct chain_tip *tip, uint64_t real_ns)
{
    buf_reset(b);
    canon_text(b, "nono head 1", 11);
    canon_text(b, id, strlen(id));
    canon_int(b, (int64_t)tip->seq);
    canon_blob(b, tip->hash, CHAIN_HASH_LEN);
    canon_int(b, (int64_t)real_ns);
}

int
head_put(sqlite3 *h, const struct key *key, int64_t session, const char *id,
         const struct chain_tip *tip, uint64_t real_ns)
{
    static const char sql[] =
        "INSERT INTO head(session, seq, hash, real_ns, key, signature) VALUES(?1, ?2, ?3, ?4, ?5,"
        " ?6) ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash,"
        " real_ns = excluded.real_ns, key = excluded.key, signature = excluded.signature";
    cleanup_buf struct buf b = {0};
    uint8_t signature[KEY_SIGNATURE_LEN];
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    head_bytes(&b, id, tip, real_ns);
    key_sign(key, b.data, b.len, signature);
    db_bind_int(st, 1, session);
    db_bind_int(st, 2, (int64_t)tip->seq);
    db_bind_bytes(st, 3, tip->hash, CHAIN_HASH_LEN);
    db_bind_int(st, 4, (int64_t)real_ns);
    db_bind_bytes(st, 5, key->public, KEY_PUBLIC_LEN);
    db_bind_bytes(st, 6, signature, KEY_SIGNATURE_LEN);
    rc = db_run(st);
    sqlite3_finalize(st);
    return rc;
}

static int
read_tip(sqlite3 *h, struct chain_tip *ret_tip)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1", -1,
                                &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    chain_start(ret_tip, "journal", "");
    if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 1) == CHAIN_HASH_LEN) {
        ret_tip->seq = (uint64_t)sqlite3_column_int64(st, 0);
        memcpy(ret_tip->hash, sqlite3_column_blob(st, 1), CHAIN_HASH_LEN);
    } else if (rc == SQLITE_ROW) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void
bind_text_or_null(sqlite3_stmt *st, int column, const char *s, struct buf *bytes)
{
    if (s) {
        db_bind_string(st, column, s);
        canon_blob(bytes, s, strlen(s));
    } else {
        canon_null(bytes);
    }
}

int
journal_add(sqlite3 *h, const struct journal_row *row, const struct key *key)
{
    static const char sql[] = "INSERT INTO journal(" FACTS_JOURNAL ", hash)"
                              " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    cleanup_buf struct buf b = {0};
    struct chain_tip tip;
    sqlite3_stmt *st = NULL;
    int rc = read_tip(h, &tip);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    size_t hash_len = row->hash ? CHAIN_HASH_LEN : 0;
    canon_int(&b, (int64_t)tip.seq + 1);
    db_bind_int(st, 1, (int64_t)tip.seq + 1);
    canon_text(&b, row->what, strlen(row->what));
    db_bind_word(st, 2, row->what);
    canon_text(&b, row->id, strlen(row->id));
    db_bind_word(st, 3, row->id);
    canon_int(&b, (int64_t)row->n);
    db_bind_int(st, 4, (int64_t)row->n);
    canon_blob(&b, row->hash, hash_len);
    db_bind_bytes(st, 5, row->hash, hash_len);
    canon_int(&b, (int64_t)row->real_ns);
    db_bind_int(st, 6, (int64_t)row->real_ns);
    bind_text_or_null(st, 7, row->source, &b);
    bind_text_or_null(st, 8, row->note, &b);
    chain_add(&tip, &b);
    db_bind_bytes(st, 9, tip.hash, CHAIN_HASH_LEN);
    rc = db_run(st);
    sqlite3_finalize(st);
    if (rc == SQLITE_OK && key)
        rc = head_put(h, key, CHAIN_JOURNAL, "", &tip, row->real_ns);
    return rc;
}
