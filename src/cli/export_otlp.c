// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "util.h"

#define BATCH 500

// Severities of the OpenTelemetry log data model.
enum { SEVERITY_INFO = 9, SEVERITY_WARN = 13, SEVERITY_ERROR = 17 };

// Only running out of memory fails in here. Takes v over.
static json_t *
object(const char *key, json_t *v)
{
    json_t *o = json_object();
    if (!o || !v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
    return o;
}

static void
set(json_t *o, const char *key, json_t *v)
{
    if (!v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
}

static void
append(json_t *array, json_t *v)
{
    if (!array || !v || json_array_append_new(array, v) < 0)
        die("out of memory");
}

// 64-bit integers are strings in OTLP/JSON.
static json_t *
integer_text(int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    return json_string(text);
}

static json_t *
any_value(json_t *v)
{
    if (json_is_integer(v))
        return object("intValue", integer_text(json_integer_value(v)));
    if (json_is_boolean(v))
        return object("boolValue", json_incref(v));
    if (!json_is_array(v))
        return object("stringValue", json_incref(v));
    json_t *values = json_array(), *item;
    size_t i;
    json_array_foreach(v, i, item) append(values, any_value(item));
    return object("arrayValue", object("values", values));
}

static void
add_attribute(json_t *attributes, const char *key, json_t *value)
{
    json_t *a = object("key", json_string(key));
    set(a, "value", any_value(value));
    append(attributes, a);
}

// The keys of the JSON lines, under names of the semantic conventions where there is one.
static const char *
attribute_name(const char *key, char *ret_name, size_t n)
{
    static const char *const known[][2] = {{"pid", "process.pid"},
                                           {"exe", "process.executable.path"},
                                           {"argv", "process.command_args"},
                                           {"cwd", "process.working_directory"},
                                           {"resolved", "file.path"}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(key, known[i][0]) == 0)
            return known[i][1];
    }
    snprintf(ret_name, n, "nono.%s", key);
    return ret_name;
}

// The event as nono log --jsonl prints it: one place that says what an event's keys are.
static json_t *
event_as_json(const struct event_row *row)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        die("out of memory");
    struct log_printer printer = {.out = f};
    log_print_json(&printer, row);
    fclose(f);
    json_t *o = json_loadb(text, n, 0, NULL);
    free(text);
    if (!o)
        die("out of memory");
    return o;
}

static json_t *
make_record(const struct event_row *row)
{
    json_t *event = event_as_json(row), *attributes = json_array(), *v;
    json_t *record = object("timeUnixNano", integer_text((int64_t)row->real_ns));
    const char *key, *kind = kind_to_string(row->kind);
    bool refused = row->verdict == VERDICT_DENY || row->verdict == VERDICT_EXPIRED;
    int severity = row->kind == KIND_FAULT             ? SEVERITY_ERROR
                   : refused || row->risk == RISK_HIGH ? SEVERITY_WARN
                                                       : SEVERITY_INFO;
    json_object_foreach(event, key, v)
    {
        char name[64];
        if (strcmp(key, "ts") != 0 && strcmp(key, "schema") != 0)
            add_attribute(attributes, attribute_name(key, name, sizeof name), v);
    }
    set(record, "severityNumber", json_integer(severity));
    set(record, "severityText",
        json_string(severity == SEVERITY_ERROR  ? "ERROR"
                    : severity == SEVERITY_WARN ? "WARN"
                                                : "INFO"));
    set(record, "eventName", json_sprintf("nono.%s", kind ? kind : "unknown"));
    const char *target = json_string_value(json_object_get(event, "resolved"));
    const char *text = json_string_value(json_object_get(event, "text"));
    const char *verdict = verdict_to_string(row->verdict), *op = op_to_string(row->op);
    set(record, "body",
        object("stringValue", json_sprintf("%s%s%s%s%s%s%s", kind ? kind : "unknown",
                                           verdict ? " " : "", verdict ? verdict : "",
                                           op ? " " : "", op ? op : "", target || text ? " " : "",
                                           target ? target
                                           : text ? text
                                                  : "")));
    set(record, "attributes", attributes);
    json_decref(event);
    return record;
}

void
otlp_add(struct otlp *o, const struct event_row *row, FILE *out)
{
    if (!o->records)
        o->records = json_array();
    append(o->records, make_record(row));
    if (++o->n == BATCH)
        otlp_flush(o, out);
}

void
otlp_flush(struct otlp *o, FILE *out)
{
    if (!o->records)
        return;
    json_t *attributes = json_array(), *name = json_string("nono");
    add_attribute(attributes, "service.name", name);
    json_decref(name);
    json_t *scope = object("name", json_string("nono"));
    set(scope, "version", json_string(NONO_VERSION));
    json_t *logs = object("scope", scope);
    set(logs, "logRecords", steal_pointer(&o->records));
    json_t *scopes = json_array(), *resources = json_array();
    append(scopes, logs);
    json_t *resource = object("resource", object("attributes", attributes));
    set(resource, "scopeLogs", scopes);
    append(resources, resource);
    json_t *all = object("resourceLogs", resources);
    cleanup_free char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    if (!text)
        die("out of memory");
    fprintf(out, "%s\n", text);
    o->n = 0;
}
