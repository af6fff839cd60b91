// SPDX-License-Identifier: Apache-2.0
// What is taken out of command lines before they are stored, and what is left alone.
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "redact_rules.h"
#include "util.h"

#define R REDACTED
// In two parts, lest a scanner takes it for one.
#define SK                                                                                         \
    "sk-"                                                                                          \
    "ant-abcdefghijklmnopqrstuvwxyz"
#define GHP "ghp_abcdefghijklmnopqrstuvwxyz0123456789"

// Words are separated by '|' here.
static char *
redact(const char *words, const char *more, size_t *ret_n)
{
    struct buf out = {0};
    size_t len = strlen(words) + 1;
    cleanup_free char *argv = xstrdup(words);
    for (size_t i = 0; i < len; i++)
        argv[i] = argv[i] == '|' ? 0 : argv[i];
    *ret_n = redact_argv(argv, len, more, &out);
    cr_assert(out.len > 0 && out.data[out.len - 1] == 0);
    for (size_t i = 0; i + 1 < out.len; i++)
        out.data[i] = out.data[i] ? out.data[i] : '|';
    return buf_steal(&out);
}

static const struct {
    const char *argv, *left; /* NULL: nothing is taken out */
} cases[] = {
    // Flags, with their value behind '=' or in the next word.
    {"tool|--token|abc|x", "tool|--token|" R "|x"},
    {"tool|--token=abc|x", "tool|--token=" R "|x"},
    {"tool|--TOKEN=abc", "tool|--TOKEN=" R},
    {"tool|--github-token|abc", "tool|--github-token|" R},
    {"tool|--api_key=abc", "tool|--api_key=" R},
    {"tool|-password|a b c", "tool|-password|" R},
    {"tool|--client-secret|-x", "tool|--client-secret|" R},
    {"tool|--auth=abc|--bearer|def", "tool|--auth=" R "|--bearer|" R},
    {"tool|--password", NULL},
    {"java|-Ddb.password=abc", "java|-Ddb.password=" R},
    {"tool|--max-tokens=4096", NULL},
    {"tool|--no-auth|file", NULL},
    {"tool|--tokenizer|fast", NULL},
    {"tool|--passwordless", NULL},
    {"git|commit|-m|a message about tokens", NULL},
    // Assignments.
    {"env|GITHUB_TOKEN=abc|make", "env|GITHUB_TOKEN=" R "|make"},
    {"env|AWS_SECRET_ACCESS_KEY=abc", "env|AWS_SECRET_ACCESS_KEY=" R},
    {"env|AWS_ACCESS_KEY_ID=abc", "env|AWS_ACCESS_KEY_ID=" R},
    {"env|ANTHROPIC_API_KEY=abc", "env|ANTHROPIC_API_KEY=" R},
    {"psql|password=abc", "psql|password=" R},
    {"env|PATH=/bin", NULL},
    // User and password.
    {"curl|-u|joe:abc", "curl|-u|joe:" R},
    {"curl|--proxy-user|joe:abc", "curl|--proxy-user|joe:" R},
    {"sort|-u|file", NULL},
    // Headers.
    {"curl|-H|Authorization: Bearer abc", "curl|-H|Authorization: " R},
    {"curl|-HX-Api-Key:abc", "curl|-HX-Api-Key:" R},
    {"curl|--header=Cookie: a=b; c=d", "curl|--header=Cookie: " R},
    {"curl|-H|Accept: text/html", NULL},
    // URLs.
    {"git|clone|https://joe:abc@h.org/r.git", "git|clone|https://joe:" R "@h.org/r.git"},
    {"git|clone|https://0123456789abcdef0123@h.org/r", "git|clone|https://" R "@h.org/r"},
    {"git|clone|ssh://git@h.org/r.git", NULL},
    {"git|clone|https://abc@h.org/r", "git|clone|https://" R "@h.org/r"},
    {"git|clone|https://@h.org/r", NULL},
    {"curl|http://h.org/a@b:c", NULL},
    {"curl|http://h/?q=1&access_token=abc&z=2", "curl|http://h/?q=1&access_token=" R "&z=2"},
    {"curl|http://h/?key=abc;code=def#top", "curl|http://h/?key=" R ";code=" R "#top"},
    {"curl|http://h/?keyword=abc", NULL},
    // Shapes.
    {"tool|" GHP, "tool|" R},
    {"tool|x=" GHP ",y", "tool|x=" R ",y"},
    {"tool|sk-ant-"
     "abcdefghijklmnopqrstuvwxyz",
     "tool|" R},
    {"tool|AKIAABCDEFGHIJKLMNOP", "tool|" R},
    {"tool|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "tool|" R},
    {"tool|sk-short", NULL},
    {"tool|desk-abcdefghijklmnopqrstuvwxyz", NULL},
    {"tool|gsk_"
     "abcdefghijklmnopqrstuvwxyz",
     "tool|" R},
    {"tool|hvs."
     "abcdefghijklmnopqrstuvwxyz",
     "tool|" R},
    {"curl|https://hooks.slack.com/services/T00/B00/abcdefghijkl?x=1",
     "curl|https://hooks.slack.com/services/" R "?x=1"},
    // Users.
    {"curl|-uroot:abc|h", "curl|-uroot:" R "|h"},
    {"curl|-x|joe:abc@proxy:3128", "curl|-x|joe:" R "@proxy:3128"},
    {"smbclient|-U|joe%abc", "smbclient|-U|joe%" R},
    // Environments of containers; names in capitals.
    {"docker|run|-e|A=abc|--env|B=abc|--env=C=abc|-itD=1|x",
     "docker|run|-e|A=" R "|--env|B=" R "|--env=C=" R "|-itD=1|x"},
    {"podman|run|-eA=abc|-e|B|x", "podman|run|-eA=" R "|-e|B|x"},
    {"make|STRIPE_KEY=abc|key=x", "make|STRIPE_KEY=" R "|key=x"},
    // JSON: what ends a value that has no quotes, and all of one that has parts.
    {"x|{\"pen\": 5, \"token\": [\"a b\", {\"c\": \"]\"}], \"z\": 1}",
     "x|{\"pen\": 5, \"token\": " R ", \"z\": 1}"},
    {"x|{\"password\":123,\"z\":4}", "x|{\"password\":" R ",\"z\":4}"},
    {"x|{\"password\":\"a\\\"bc\",\"z\":4}", "x|{\"password\":" R ",\"z\":4}"},
    {"x|{\"token\":[\"a", "x|{\"token\":" R},
    {"x|{\"token\": [\"a\\\"]\", \"b\"], \"z\": 1}", "x|{\"token\": " R ", \"z\": 1}"},
    {"x|{\"token\": [\"a\\\\\", \"b\"], \"z\": 1}", "x|{\"token\": " R ", \"z\": 1}"},
    {"x|{'token': ['a\\']', 'b'], 'z': 1}", "x|{'token': " R ", 'z': 1}"},
    {"x|{'token': 'a\\'b c', 'z': 1}", "x|{'token': " R ", 'z': 1}"},
    {"x|{\"token\": b\"a b\"c, 'z': 1}", "x|{\"token\": " R ", 'z': 1}"},
    // The same in a text that is quoted itself.
    {"x|{\\\"token\\\": [\\\"a\\\\\\\"]\\\", \\\"b\\\"], \\\"z\\\": 1}",
     "x|{\\\"token\\\": " R ", \\\"z\\\": 1}"},
    {"x|{\\\"token\\\": \\\"a\\\\\\\"b\\\", 1}", "x|{\\\"token\\\": " R "\", 1}"},
    {"sh|-c|x --token='a\\' --password='b' c", "sh|-c|x --token=" R " --password=" R " c"},
    {"sh|-c|x --token=\"a\\\\\" c", "sh|-c|x --token=" R " c"},
    // Scripts in one word.
    {"sh|-c|curl -H \"Authorization: Bearer abc\" http://h && x",
     "sh|-c|curl -H \"Authorization: " R "\" http://h && x"},
    {"sh|-c|TOKEN=abc tool --password 'a b' --verbose",
     "sh|-c|TOKEN=" R " tool --password " R " --verbose"},
    {"sh|-c|export DB_PASSWORD='a b'; run", "sh|-c|export DB_PASSWORD=" R "; run"},
    {"sh|-c|git clone https://joe:abc@h/r", "sh|-c|git clone https://joe:" R "@h/r"},
    {"sh|-c|curl -u joe:abc h", "sh|-c|curl -u joe:" R " h"},
    {"sh|-c|echo " GHP, "sh|-c|echo " R},
    {"sh|-c|tool --password", NULL},
    {"sh|-c|tool --token|next", NULL},
    {"sh|-c|\"unbalanced", NULL},
    // Odd ones.
    {"", NULL},
    {"|", NULL},
    {"-", NULL},
    {"--", NULL},
    {"=|--=|://|?|?=|@|:", NULL},
    {"\xff\xfe|\x1b[31m", NULL},
};

// As people type them: nothing of S3kr3t may be left, in the words of argv or in a script.
static const char *const typed[] = {
    "curl|-u|user:S3kr3t|https://x",
    "curl|-uuser:S3kr3t|https://x",
    "curl|--user=user:S3kr3t|x",
    "curl|--user|user:S3kr3t|x",
    "curl|-su|user:S3kr3t|x",
    "curl|-sSu|user:S3kr3t|x",
    "curl|--oauth2-bearer|S3kr3t",
    "curl|-H|Authorization: token S3kr3t",
    "curl|-H|authorization:Basic S3kr3t",
    "curl|-sH|Authorization: Bearer S3kr3t",
    "curl|--header|Authorization: Bearer S3kr3t",
    "curl|-H|X-Goog-Api-Key: S3kr3t",
    "curl|-H|api-key: S3kr3t",
    "curl|-H|X-Vault-Token: S3kr3t",
    "curl|-H|X-Amz-Security-Token: S3kr3t",
    "curl|-H|apikey: S3kr3t",
    "curl|-b|session=S3kr3t",
    "curl|--cookie|session=S3kr3t",
    "curl|-d|{\"password\":\"S3kr3t\"}",
    "curl|-d|{\"user\":\"u\",\"api_key\": \"S3kr3t\", \"x\":1}",
    "curl|-d|password=S3kr3t&user=joe",
    "curl|--data-urlencode|password=S3kr3t",
    "curl|--data|grant_type=x&client_secret=S3kr3t",
    "curl|-F|token=S3kr3t",
    "curl|https://x/?api_key=S3kr3t",
    "curl|https://x/?X-Amz-Credential=A&X-Amz-Signature=S3kr3t",
    "curl|--proxy|http://joe:S3kr3t@proxy:3128",
    "curl|-x|joe:S3kr3t@proxy:3128",
    "curl|-U|joe:S3kr3t",
    "git|clone|https://oauth2:S3kr3t@gitlab.com/a/b",
    "git|-c|http.extraHeader=Authorization: Basic S3kr3t|clone|x",
    "git|-c|http.extraheader=AUTHORIZATION: bearer S3kr3t|fetch",
    "git|remote|add|o|https://x-access-token:S3kr3t@github.com/a/b",
    "mysql|-uroot|-pS3kr3t|db",
    "mysql|-u|root|-pS3kr3t",
    "mysqldump|-h|x|-pS3kr3t|db",
    "mysql|--password=S3kr3t",
    "mysqladmin|-u|root|password|S3kr3t",
    "mariadb|-pS3kr3t",
    "env|PGPASSWORD=S3kr3t|psql",
    "sh|-c|PGPASSWORD=S3kr3t psql -h x",
    "sh|-c|export MYSQL_PWD=S3kr3t; mysql",
    "env|MYSQL_PWD=S3kr3t|mysql",
    "env|REDISCLI_AUTH=S3kr3t|redis-cli",
    "redis-cli|-a|S3kr3t",
    "redis-cli|-u|redis://:S3kr3t@host:6379",
    "redis-cli|--pass|S3kr3t",
    "psql|postgresql://u:S3kr3t@h/db",
    "psql|host=h user=u password=S3kr3t",
    "sqlcmd|-S|h|-U|sa|-P|S3kr3t",
    "mongo|-u|root|-p|S3kr3t",
    "mongosh|mongodb+srv://u:S3kr3t@h/db",
    "docker|login|-u|joe|-p|S3kr3t|reg",
    "docker|login|--password|S3kr3t",
    "docker|run|-e|API_TOKEN=S3kr3t|img",
    "docker|run|--env=DB_PASSWORD=S3kr3t|img",
    "podman|login|-p|S3kr3t",
    "docker|build|--build-arg|NPM_TOKEN=S3kr3t|.",
    "docker|build|--build-arg=NPM_TOKEN=S3kr3t|.",
    "sshpass|-p|S3kr3t|ssh|h",
    "sshpass|-pS3kr3t|ssh|h",
    "openssl|enc|-aes-256-cbc|-pass|pass:S3kr3t",
    "openssl|rsa|-passin|pass:S3kr3t|-passout|pass:S3kr3t",
    "openssl|enc|-k|S3kr3t",
    "openssl|enc|-K|S3kr3t",
    "openssl|req|-passout|pass:S3kr3t",
    "zip|-P|S3kr3t|a.zip|b",
    "unzip|-PS3kr3t|a.zip",
    "7z|x|-pS3kr3t|a.7z",
    "gpg|--passphrase|S3kr3t|-d|x",
    "gpg|--passphrase=S3kr3t",
    "ansible-playbook|-e|ansible_become_pass=S3kr3t",
    "ansible-playbook|--extra-vars|db_password=S3kr3t",
    "kubectl|--token=S3kr3t|get",
    "kubectl|create|secret|generic|x|--from-literal=password=S3kr3t",
    "kubectl|config|set-credentials|u|--token=S3kr3t",
    "helm|install|--set|auth.password=S3kr3t",
    "helm|--set=db.password=S3kr3t",
    "terraform|apply|-var|db_password=S3kr3t",
    "terraform|apply|-var=db_password=S3kr3t",
    "vault|login|token=S3kr3t",
    "aws|configure|set|aws_secret_access_key|S3kr3t",
    "aws|--secret-key|S3kr3t",
    "env|AWS_SESSION_TOKEN=S3kr3t|aws",
    "env|AWS_SECRET_ACCESS_KEY=S3kr3t/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "npm|config|set|//registry.npmjs.org/:_authToken=S3kr3t",
    "npm|config|set|_authToken|S3kr3t",
    "npm|publish|--//registry.npmjs.org/:_authToken=S3kr3t",
    "env|NPM_CONFIG__AUTHTOKEN=S3kr3t|npm",
    "yarn|config|set|npmAuthToken|S3kr3t",
    "pip|install|--index-url|https://u:S3kr3t@h/simple",
    "wget|--password=S3kr3t|x",
    "wget|--http-password=S3kr3t",
    "wget|--header=X-Auth-Key: S3kr3t",
    "http|-a|joe:S3kr3t|x",
    "http|--auth|joe:S3kr3t",
    "http|POST|x|password=S3kr3t",
    "http|x|Authorization:Bearer S3kr3t",
    "lftp|-u|joe,S3kr3t|h",
    "smbclient|//h/s|-U|joe%S3kr3t",
    "mount|-o|username=joe,password=S3kr3t|//h/s|/mnt",
    "rdesktop|-p|S3kr3t",
    "xfreerdp|/u:joe|/p:S3kr3t|/v:h",
    "ldapsearch|-w|S3kr3t|-D|cn=x",
    "ldapsearch|-D|cn=x|-wS3kr3t",
    "rclone|config|create|x|pass=S3kr3t",
    "keytool|-storepass|S3kr3t|-keypass|S3kr3t",
    "jarsigner|-storepass|S3kr3t",
    "java|-Djavax.net.ssl.keyStorePassword=S3kr3t",
    "sh|-c|echo '-----BEGIN RSA PRIVATE KEY-----\\nMIIES3kr3t\\n-----END RSA PRIVATE KEY-----' > k",
    "sh|-c|curl -u joe:S3kr3t h; mysql -u root -pS3kr3t db",
    "sh|-c|sshpass -p S3kr3t ssh h",
    "sh|-c|docker login -u joe -p S3kr3t",
    "sh|-c|openssl rsa -passin pass:S3kr3t -in k",
    "python3|-c|requests.get(u, headers={\"Authorization\": \"Bearer S3kr3t\"})",
    "python3|-c|token = \"S3kr3t\"",
    "python3|-c|password='S3kr3t'; x",
    "node|-e|const apiKey = \"S3kr3t\"",
    "useradd|-p|S3kr3t|joe",
    "ssh-keygen|-N|S3kr3t|-f|k",
    "ssh-keygen|-p|-P|S3kr3t",
    "nmcli|dev|wifi|connect|x|password|S3kr3t",
    "az|login|--service-principal|-u|x|-p|S3kr3t",
    "az|login|-u|x|--password|S3kr3t",
    "az|storage|x|--account-key|S3kr3t",
    "az|x|--sas-token|S3kr3t",
    "az|x|--connection-string|DefaultEndpointsProtocol=https;AccountName=x;AccountKey=S3kr3t==;"
    "EndpointSuffix=y",
    "heroku|config:set|API_KEY=S3kr3t",
    "fly|secrets|set|DATABASE_URL=postgres://u:S3kr3t@h/d",
    "sentry-cli|--auth-token|S3kr3t",
    "sonar-scanner|-Dsonar.login=S3kr3t",
    "mvn|-Dgpg.passphrase=S3kr3t",
    "gradle|-PsigningPassword=S3kr3t",
    "gradle|-Psigning.password=S3kr3t",
    "cargo|login|S3kr3t",
    "influx|-t|S3kr3t",
    "consul|kv|--token=S3kr3t",
    "mosquitto_pub|-u|joe|-P|S3kr3t",
    "s3cmd|--secret_key=S3kr3t|--access_key=S3kr3t",
    "duplicity|ftp://u:S3kr3t@h",
    "ffmpeg|rtsp://u:S3kr3t@h/x",
    "sh|-c|mysql -p'S3kr3t S3kr3t' db",
    "sh|-c|curl -d '{\\\"password\\\":\\\"S3kr3t\\\"}' h",
    "sh|-c|echo '-----BEGIN PRIVATE KEY-----\nS3kr3t\nS3kr3t\n-----END PRIVATE KEY-----' >k",
    "sudo|-u|root|/usr/bin/mysql|-pS3kr3t",
    "ssh|host|sshpass -p S3kr3t ssh other",
    "tool|--pwd=S3kr3t",
    "tool|--pw|S3kr3t",
    "env|DB_PWD=S3kr3t|x",
    "tool|Server=h;UID=sa;PWD=S3kr3t",
    "curl|-sujoe:S3kr3t|u",
    "curl|-sSLujoe:S3kr3t|u",
    "curl|-sxjoeu:S3kr3t@h|u",
    "curl|-xjoeu:S3kr3t@h|u",
    "curl|-u|:S3kr3t|u",
    "ldapsearch|-xwS3kr3t|-D|cn=x",
    "docker|run|-itePIN=S3kr3t|x",
    "curl|--Authorization|Bearer S3kr3t",
    "curl|--Authorization=Bearer S3kr3t",
    "tool|--token=a S3kr3t",
    "tool|--signing-key=S3kr3t",
    "tool|--encryption-key|S3kr3t",
    "tool|--jwt|S3kr3t",
    "npm|publish|--otp|S3kr3t",
    "tool|--pin=S3kr3t",
    "tool|--token|--|S3kr3t",
    "sh|-c|tool --token -- S3kr3t",
    "tool|--password=|S3kr3t",
    "tool|--password= S3kr3t",
    "curl|https://user:pa/S3kr3t@h/",
    "sh|-c|curl https://user:pa?S3kr3t/x@h/ -o x",
    "curl|https://h/?to%6ben=S3kr3t&x=1",
    "curl|https://h/?x=1&%74%6F%6B%65%6E=S3kr3t",
};

// What only sounds like it.
static const char *const innocent[] = {
    "grep|-r|token|src/",
    "grep|-rn|password|.",
    "git|commit|-m|fix: token parsing: handle secrets",
    "git|commit|-m|auth: add password reset",
    "git|log|--format=%H|-p",
    "docker|run|-p|80:80|-u|1000:1000|nginx:1.2",
    "docker|run|--user=1000:1000|x",
    "cp|-p|a|b",
    "mkdir|-p|/x/y",
    "ps|-u|root",
    "sh|-c|mkdir -p build && cd build",
    "python3|-c|for key in d: print(key)",
    "python3|-c|import tokenize; tokenize.tokenize(f)",
    "make|-C|x|PASSES=3",
    "node|server.js|--port=80",
    "curl|-x|localhost:3128|u",
    "curl|-b|cookies.txt|u",
    "sed|-i|s/a:b/c:d/|f",
    "rg|secret|--type|c",
    "find|.|-name|*token*",
    "tar|-xzf|a.tgz|-C|/x",
    "npm|run|build|--workspace=@a/b",
    "cargo|login",
    "git|config|user.name|Joe",
    "git|config|--global|user.email|joe@x",
    "git|show|HEAD:src/token.c",
    "ls|--author",
    "gcc|-DTOKEN_MAX=5|-c|x.c",
    "vim|src/password.c:12",
    "kubectl|get|secrets",
    "ssh|-i|key|u@h",
    "rsync|-a|--password-file=x|a|b",
    "git|checkout|feature/secret-stuff",
    "tool|--compass=5|--bypass=x",
    "openssl|x509|-in|a|-noout",
    "zip|-r|a.zip|b",
    "awk|{print $1}|f",
    "jq|.token|x.json",
    "cat|/home/u/.config/gh/hosts.yml",
    "env|PWD=/home/u|OLDPWD=/x|make",
    "tool|--password=|--verbose|x",
    "tar|--|a|b",
    "curl|-sSLo|out|http://h:80/a@b",
    "curl|http://h/a:b@c",
    "curl|http://[::1]/a@b",
    "curl|http://h/?to%6fls=1&%zz=2&%",
    "tool|--spin|x|--pinned=1",
};

Test(redact, what_people_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
        size_t n = 0;
        cleanup_free char *left = redact(typed[i], NULL, &n);
        cr_expect(n > 0 && !strstr(left, "S3kr3t"), "%s: %s", typed[i], left);
    }
    for (size_t i = 0; i < ARRAY_SIZE(innocent); i++) {
        size_t n = 0;
        cleanup_free char *left = redact(innocent[i], NULL, &n);
        cr_expect(n == 0 && strcmp(left, innocent[i]) == 0, "%s: %s", innocent[i], left);
    }
}

// Every name of the tables, in every form that its kind has; nothing of S3kr3t may be left, and the
// word behind it has to be.
static const struct {
    const char *form; /* %s: the name */
    unsigned kinds;
} forms[] = {
#define K(kind) 1u << RULE_##kind
#define NAMES (K(FLAG) | K(PART) | K(NAME))
    {"x|--%s|S3kr3t|kept", NAMES},
    {"x|-%s|S3kr3t|kept", NAMES},
    {"x|--%s=S3kr3t|kept", NAMES},
    {"x|--my-%s=S3kr3t|kept", K(PART) | K(NAME)},
    {"x|--%s:S3kr3t|kept", K(PART) | K(NAME)},
    {"x|/%s:S3kr3t|kept", K(PART) | K(NAME)},
    {"x|%s=S3kr3t|kept", NAMES},
    {"x|-e|%s=S3kr3t|kept", NAMES},
    {"x|--env=%s=S3kr3t|kept", NAMES},
    {"x|MY_%s=S3kr3t|kept", K(PART) | K(NAME) | K(ENV)},
    {"x|my.%s=S3kr3t|kept", K(PART) | K(NAME)},
    {"x|{\"%s\":\"S3kr3t\",\"n\":1}|kept", NAMES},
    {"x|{\"%s\": \"S3kr3t S3kr3t\"}|kept", NAMES},
    {"x|{\"%s\": [\"S3kr3t\", \"S3kr3t\"]}|kept", NAMES},
    {"x|{'%s': {'a': 'S3kr3t'}}|kept", NAMES},
    {"sh|-c|x --%s S3kr3t kept", NAMES},
    {"sh|-c|x --%s='S3kr3t S3kr3t' kept", NAMES},
    {"sh|-c|%s=S3kr3t x kept", NAMES},
    {"sh|-c|export %s=\"S3kr3t\"; kept", NAMES},
    {"sh|-c|x -d '{\"%s\":\"S3kr3t\"}' kept", NAMES},
    {"x|-H|%s: S3kr3t|kept", K(NAME) | K(HEADER)},
    {"x|-H%s:S3kr3t|kept", K(NAME) | K(HEADER)},
    {"x|--header=%s: S3kr3t S3kr3t|kept", K(HEADER)},
    {"x|https://h/?a=1&%s=S3kr3t&b=2|kept", NAMES | K(QUERY)},
    {"x|https://h/#%s=S3kr3t|kept", NAMES | K(QUERY)},
    {"x|--%s=joe:S3kr3t|kept", K(USER)},
    {"x|-%s|joe:S3kr3t|kept", K(USER)},
    {"sh|-c|x --%s joe:S3kr3t kept", K(USER)},
};

// As it stands in the table, in capitals, and with its first letter as one.
static void
spell(char *name, int how)
{
    for (size_t i = 0; name[i] && (how == 1 || (how == 2 && i == 0)); i++)
        name[i] = (char)toupper(name[i]);
}

Test(redact, every_name_in_every_form)
{
    size_t tried = 0;
    for (size_t i = 0; i < redact_rules_n * ARRAY_SIZE(forms) * 3; i++) {
        const struct redact_rule *r = &redact_rules[i / 3 % redact_rules_n];
        const char *form = forms[i / 3 / redact_rules_n].form;
        const char *at = strstr(form, "%s");
        int how = r->kind == RULE_ENV ? 1 : (int)(i % 3);
        size_t n = 0;
        if (!(forms[i / 3 / redact_rules_n].kinds & 1u << r->kind))
            continue;
        cleanup_free char *name = xstrdup(r->word);
        spell(name, how);
        cleanup_free char *argv = xasprintf("%.*s%s%s", (int)(at - form), form, name, at + 2);
        cleanup_free char *left = redact(argv, NULL, &n);
        cr_expect(n > 0 && !strstr(left, "S3kr3t") && strstr(left, "kept"), "%s: %s", argv, left);
        tried++;
    }
    cr_assert(tried > 1000);
}

Test(redact, table)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = 0;
        cleanup_free char *left = redact(cases[i].argv, NULL, &n);
        const char *want = cases[i].left ? cases[i].left : cases[i].argv;
        cr_assert(strcmp(left, want) == 0, "%s: %s, not %s", cases[i].argv, left, want);
        cr_assert((n > 0) == (cases[i].left != NULL), "%s: %zu", cases[i].argv, n);
    }
}

Test(redact, names_of_the_profile)
{
    size_t n = 0;
    cleanup_free char *left =
        redact("tool|--acme-pin|1234|acme_0001|x_acme_0001|https://h/?acme-pin=5",
               "\nacme-pin\nacme_*\n", &n);
    cr_assert_str_eq(left, "tool|--acme-pin|" R "|" R "|x_acme_0001|https://h/?acme-pin=" R);
    cr_assert(n == 3);
}

Test(redact, notes)
{
    struct buf out = {0};
    cr_assert(redact_text("use " GHP " for it", NULL, &out) == 1);
    cr_assert_str_eq(buf_str(&out), "use " R " for it");
    buf_done(&out);
}

// No input makes it read or write out of bounds (under the sanitizers), and none grows without end.
Test(redact, anything)
{
    static const char alphabet[] = "-=:/?&;@#'\" \naT_.uH*0\\[]{}";
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char argv[64];
        size_t len = (size_t)rand_r(&seed) % sizeof argv;
        struct buf out = {0};
        for (size_t i = 0; i < len; i++)
            argv[i] =
                rand_r(&seed) % 9 ? alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)] : 0;
        cleanup_free char *exact = xmemdup(argv, len ? len : 1);
        size_t n = redact_argv(exact, len, "a\nT*", &out);
        cr_assert(out.len <= len + n * strlen(R));
        buf_done(&out);
    }
}
