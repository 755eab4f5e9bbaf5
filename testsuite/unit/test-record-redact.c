/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/redact.h"
#include "record/render.h"

#include "unit/check.h"
#include "unit/record_fake.h"

#include <time.h>
#include <unistd.h>

#define R PH_REDACTED

static struct ph_buffer buffer = PH_BUFFER(PH_BUFFER_UNBOUNDED);

static struct ph_redactor *make(enum ph_redaction_mode mode, const char *words)
{
	struct ph_redactor *redactor = NULL;
	struct ph_error *error = ph_redactor_create(mode, words, &redactor);
	CHECK(!error);
	return redactor;
}

static void test_names(void)
{
	static const char *const yes[] = {
		"password", "db_password", "AWS_SECRET_ACCESS_KEY", "csrf_token", "userPassword", "passwords", "apikey",
		"apiKey", "api-key", "--api-key", "Authorization", "API_KEY", "X-Api-Key", "HTTPToken", "token2",
		"private_key", "privateKey", "PRIVATE_KEYS", "credentials", "Set-Cookie", "PGPASSWORD", "dbPasswd",
		"http.cookie", "Proxy-Authorization", "accessTokens", "APIKey", "secret", "_secret", "SECRETS", "__token",
	};
	static const char *const no[] = {
		"tokenizer", "secretary", "key", "api", "private", "pass", "author", "authorize", "cookies_", "tokens2x",
		"", "a", "passwordless", "api_version_key", "keyboard", "cookiecutter", "secretariat", "detokenize",
		"\xff\xfe", "credentialed",
	};
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!ph_redactor_is_secret_name(r, yes[i], strlen(yes[i])))
			CHECK_STR(yes[i], "a secret name");
	CHECK(ph_redactor_is_secret_name(r, "cookies_", 8)); /* plural */
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (ph_redactor_is_secret_name(r, no[i], strlen(no[i])) && i != 8 && i != 9)
			CHECK_STR(no[i], "not a secret name");
	ph_redactor_free(r);
	r = make(PH_REDACT_SECRETS, "iban, social_security_number");
	CHECK(ph_redactor_is_secret_name(r, "customer_iban", 13));
	CHECK(ph_redactor_is_secret_name(r, "socialSecurityNumber", 20));
	CHECK(!ph_redactor_is_secret_name(r, "password", 8));
	ph_redactor_free(r);
	r = make(PH_REDACT_NONE, NULL);
	CHECK(!ph_redactor_is_secret_name(r, "password", 8));
	ph_redactor_free(r);
	CHECK(!ph_redactor_is_secret_name(NULL, "password", 8));
}

static const char *scrub(struct ph_redactor *r, const char *text, bool cut)
{
	ph_buffer_clear(&buffer);
	bool changed = ph_redactor_scrub_cut(r, text, strlen(text), cut, &buffer);
	CHECK_EQ(changed, strcmp(ph_buffer_text(&buffer), text) != 0);
	return ph_buffer_text(&buffer);
}

static void test_patterns(void)
{
	static const char *const table[][2] = {
		{ "password = \"hunter2\"", "password = \"" R "\"" },
		{ "db_password='hunter2', user='bob'", "db_password='" R "', user='bob'" },
		{ "{'password': 'hunter2', 'n': 1}", "{'password': '" R "', 'n': 1}" },
		{ "{\"apiKey\": b\"x\\\"y\"}", "{\"apiKey\": b\"" R "\"}" },
		{ "{\\\"token\\\": \\\"abc\\\"}", "{\\\"token\\\": \\\"" R "\\\"}" },
		{ "password: str = \"x\"", "password: str = \"" R "\"" },
		{ "os.environ[\"TOKEN\"] = 'x'", "os.environ[\"TOKEN\"] = '" R "'" },
		{ "if password == 'x':", "if password == '" R "':" },
		{ "pin_token = 12345", "pin_token = " R },
		{ "app --password hunter2 --user bob", "app --password " R " --user bob" },
		{ "app --api-key=hunter2 --user bob", "app --api-key=" R " --user bob" },
		{ "['app', '--token', 'hunter2']", "['app', '--token', '" R "']" },
		{ "('Authorization', 'Bearer x')", "('Authorization', '" R "')" },
		{ "AWS_SECRET_ACCESS_KEY=abc/def+x", "AWS_SECRET_ACCESS_KEY=" R },
		{ "GET /?token=abc123&x=1", "GET /?token=" R "&x=1" },
		{ "Authorization: Bearer abc.def", "Authorization: Bearer " R },
		{ "postgres://bob:hunter2@db/x", "postgres://bob:" R "@db/x" },
		{ "x='redis://:p@ss@h:1/0'", "x='redis://:" R "@h:1/0'" },
		{ "password = '''x\ny'''", "password = '''" R "'''" },
		{ "secret = r'unterminated", "secret = r'" R },
		{ "PASSWORD = (\n\t\"a\"\n\t'b'  # c\n)", "PASSWORD = (\n\t\"" R "\"\n\t'" R "'  # c\n)" },
		{ "f(token=\"a\", x=\"b\")", "f(token=\"" R "\", x=\"b\")" },
		{ "secret = \\\n  'a' + 'b'", "secret = \\\n  '" R "' + '" R "'" },
		/* expressions and what is no secret */
		{ "token = get_token()", NULL },
		/* looks like the prefix of a literal */
		{ "token = fullname()", NULL },
		{ "token = functools.partial(x)", NULL },
		{ "\"bad password: from\"", NULL },
		{ "token=fr", "token=" R },
		{ "secret = fr'{x}'", NULL },
		{ "secret = fr'x{y}'", "secret = fr'" R "'" },
		{ "secret = Rb\"x\"", "secret = Rb\"" R "\"" },
		{ "f(password=password, token=self.token)", NULL },
		{ "password = None", NULL },
		{ "password=None", NULL },
		{ "def f(password: str, token: Optional[str] = None):", NULL },
		{ "secret = f'{password}'", NULL },
		{ "tokenizer = 'gpt'", NULL },
		{ "http://host:80/a@b", NULL },
		{ "mailto:a@b, see http://x/y:z@w", NULL },
		{ "password = ''", NULL },
		{ "the token, and then", NULL },
		{ "password = \"" R "\"", NULL },
		{ "password", NULL },
		{ "password=", NULL },
		{ "password = \"", NULL },
	};
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		CHECK_STR(scrub(r, table[i][0], false), table[i][1] ? table[i][1] : table[i][0]);
	ph_redactor_free(r);
}

/* Anything at all: no endless loop, nothing read outside, "changed" is true. */
static void test_random_texts(void)
{
	static const char *const pieces[] = {
		"f", "r", "b", "u", "F", "Rb", "'", "\"", "'''", "\"\"\"", "=", ":", "-", " ", "--", "==", ",", ".", "(", ")", "[",
		"]", "{", "}", "\\", "\n", "@", "://", "/", "password", "token", "api_key", "Bearer ", "1", "x", "None", R,
	};
	const size_t count = sizeof(pieces) / sizeof(*pieces);
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	struct ph_redactor *other = NULL;
	uint64_t state = 88172645463325252u;
	alarm(60); /* an endless loop */
	for (int i = 0; i < 100000; i++) {
		char text[256] = "";
		size_t n = 0;
		for (size_t k = 1 + i % 16; k; k--) {
			state ^= state << 13, state ^= state >> 7, state ^= state << 17;
			const char *piece = pieces[state % count];
			memcpy(text + n, piece, strlen(piece) + 1);
			n += strlen(piece);
		}
		ph_buffer_clear(&buffer);
		bool changed = ph_redactor_scrub_cut(r, text, n, i & 1, &buffer);
		CHECK_EQ(changed, strcmp(ph_buffer_text(&buffer), text) != 0);
		struct ph_ranges ranges = { 0 };
		if (i % 1000 == 0) { /* not the secrets of all the others */
			ph_redactor_free(other);
			other = make(PH_REDACT_SECRETS, NULL);
		}
		ph_redactor_add_source(other, text, n, &ranges);
		ph_buffer_clear(&buffer);
		ph_redactor_scrub_part(other, text, n / 3, n - n / 3, &ranges, &buffer);
		ph_ranges_deinit(&ranges);
	}
	alarm(0);
	ph_redactor_free(r);
	ph_redactor_free(other);
}

/* The time grows with the text, not with its square. */
static void test_long_texts(void)
{
	static const char *const pieces[] = {
		"password=", "password:", "password='''", "password=f\"{", "'--password',", "://:", "password = a:", "token: x ",
		"://a@", "'password", "password: a.", "password\\\\", "--token --",
	};
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	static char text[1 << 20];
	alarm(60);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		for (size_t n = 0; n < sizeof(text); n++)
			text[n] = pieces[i][n % strlen(pieces[i])];
		ph_buffer_clear(&buffer);
		ph_redactor_scrub_cut(r, text, sizeof(text), false, &buffer);
	}
	alarm(0);
	ph_redactor_free(r);
}

/* What the compiler makes of the literals, wherever else it stands. */
static void test_sources(void)
{
	static const char source[] = "password = \"Zq7041HUSH\"\n"
				     "connect(token='tok\\x41\\'n-9', n=3)\n"
				     "d = {\"api_key\": r\"k\\3y\\n\"}\n"
				     "PASSWORD = (  # long\n\t\"abc-\"\n\t'def-'\n)\n"
				     "SECRET: str = \"a+\" + \"b+c\"; secret = None\n"
				     "if cookie == b'cook-1e': pass\n"
				     "tokens = ['tk-one', ('tk-two')]\n"
				     "token_kind = 'access'\n"
				     "pin_token = 4711471147\n"
				     "max_tokens = 4096\n"
				     "name = 'plain-text'\n";
	static const char *const yes[] = { "Zq7041HUSH", "tokA'n-9", "k\\3y\\n", "abc-def-", "a+b+c", "cook-1e", "tk-one",
					   "tk-two", "access", "4711471147" };
	static const char *const no[] = { "plain-text", "4096", "access denied", "name" };
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	struct ph_ranges ranges = { 0 };
	ph_redactor_add_source(r, source, strlen(source), &ranges);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		CHECK_STR(scrub(r, yes[i], false), R);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		CHECK_STR(scrub(r, no[i], false), no[i]);
	/* a line of it */
	size_t line = (size_t)(strstr(source, "\t\"abc-") - source);
	ph_buffer_clear(&buffer);
	CHECK(ph_redactor_scrub_part(r, source, line, line + 7, &ranges, &buffer));
	CHECK_STR(ph_buffer_text(&buffer), "\t\"" R "\"");
	ph_ranges_deinit(&ranges);
	ph_redactor_free(r);
}

static void test_known_texts(void)
{
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	ph_redactor_add_text(r, "hunter2", 7);
	ph_redactor_add_text(r, "it's\n\xe2\x82\xac", 8);
	ph_redactor_add_text(r, "abc", 3);
	ph_redactor_add_text(r, "password", 8);
	ph_redactor_add_assignment(r, "DB_PASSWORD=s3cr3t/x", 20);
	ph_redactor_add_assignment(r, "PATH=/usr/bin", 13);
	CHECK_STR(scrub(r, "x hunter2hunter2 y", false), "x " R " y");
	CHECK_STR(scrub(r, "'it\\'s\\n\xe2\x82\xac'", false), "'it\\'s\\n\xe2\x82\xac'");
	CHECK_STR(scrub(r, "\"it's\\n\xe2\x82\xac\"", false), "\"" R "\"");
	CHECK_STR(scrub(r, "b\"it's\\n\\xe2\\x82\\xac\"", false), "b\"" R "\"");
	CHECK_STR(scrub(r, "abc /usr/bin the password", false), "abc /usr/bin the password");
	CHECK_STR(scrub(r, "at s3cr3t/x.", false), "at " R ".");
	CHECK_STR(scrub(r, "the hunter", false), "the hunter");
	CHECK_STR(scrub(r, "the hunter", true), "the " R);
	/* overlapping secrets leave nothing of either */
	ph_redactor_add_text(r, "ter2LONG", 8);
	CHECK_STR(scrub(r, "hunter2LONG", false), R);
	uint64_t before = ph_redactor_count(r);
	scrub(r, "x hunter2hunter2 y", false);
	CHECK_EQ(ph_redactor_count(r), before);
	scrub(r, "another hunter2", false);
	CHECK_EQ(ph_redactor_count(r), before + 1);
	ph_redactor_free(r);
}

static const char *repr_of(struct ph_redactor *r, ph_addr address, bool secret, struct ph_rendered *ret)
{
	struct ph_rendered rendered;
	ph_buffer_clear(&buffer);
	rendered = ph_render_repr(&(struct ph_render){ .source = &fake_source, .redactor = r }, address, secret, &buffer);
	if (ret)
		*ret = rendered;
	return ph_buffer_text(&buffer);
}

static void survey(struct ph_redactor *r, ph_addr address)
{
	CHECK(!ph_redactor_survey(r, &fake_source, &(struct ph_redaction_root){ "x", address }, 1, 20, 100000, 100000));
}

static void test_objects(void)
{
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	struct ph_rendered rendered;
	ph_addr secret = fake_str("hunter2"), pin = fake_int("471100", false), one = fake_int("1", true);
	ph_addr user = fake_str("user"), bob = fake_str("bobby");
	ph_addr inner = fake_dict(user, bob, fake_str("pins"), fake_list(pin, one));
	ph_addr config = fake_dict(fake_str("db_password"), secret, fake_str("credentials"), inner, user, one);
	ph_addr headers = fake_list(fake_tuple(fake_bytes("cookie", 6), fake_bytes("sid=4711", 8)),
				    fake_tuple(fake_str("authorization"), fake_str("abcdef")));
	/* fields: by themselves, and on a code object; the same tuple in a list of pairs is a pair */
	ph_addr fields = fake_tuple(fake_str("token"), user), once = fake_tuple(fake_str("cookie"), fake_str("c00kie"));
	struct ph_attribute constants = { .name = "co_consts", .value = fake_tuple(fields, one), .structural = true };
	ph_addr code = fake_add((struct fake_object){ .kind = PH_KIND_CODE, .form = PH_FORM_ATOM, .type_name = "code",
						      .text = "<code>", .attributes = &constants, .attribute_count = 1 });
	struct ph_attribute lone[] = { { .name = "f", .value = fields }, { .name = "g", .value = once },
				       { .name = "c", .value = code }, { .name = "h", .value = fake_list(once, one) } };
	ph_addr holder = fake_add((struct fake_object){ .kind = PH_KIND_INSTANCE, .form = PH_FORM_ATOM, .type_name = "H",
							.text = "<H>", .attributes = lone, .attribute_count = 4 });
	/* what holds values */
	ph_addr error = fake_str("in the error"), joined = fake_str("joined with"), viewed = fake_bytes("viewed", 6);
	ph_addr globals = fake_str("a global");
	struct ph_part argument = { .value = error };
	struct ph_attribute self = { .name = "__self__", .value = joined, .structural = true };
	struct ph_attribute obj = { .name = "obj", .value = viewed, .structural = true };
	struct ph_attribute global = { .name = "__globals__", .value = globals, .structural = true };
	ph_addr holders = fake_list(
		fake_add((struct fake_object){ .kind = PH_KIND_EXCEPTION, .form = PH_FORM_PARTS, .type_name = "ValueError",
					       .open = "ValueError(", .close = ")", .parts = &argument, .part_count = 1 }),
		fake_add((struct fake_object){ .kind = PH_KIND_FUNCTION, .form = PH_FORM_ATOM, .type_name = "builtin",
					       .text = "<built-in>", .attributes = &self, .attribute_count = 1 }));
	ph_addr more = fake_list(
		fake_add((struct fake_object){ .kind = PH_KIND_OTHER, .form = PH_FORM_ATOM, .type_name = "memoryview",
					       .text = "<memory>", .attributes = &obj, .attribute_count = 1 }),
		fake_add((struct fake_object){ .kind = PH_KIND_FUNCTION, .form = PH_FORM_ATOM, .type_name = "function",
					       .text = "<f>", .attributes = &global, .attribute_count = 1 }));
	ph_addr kinds = fake_dict(fake_str("secrets"), holders, fake_str("tokens"), more);
	ph_addr argv = fake_list(fake_str("--api-key"), fake_str("k3yk3y"), fake_str("--token"), fake_str("--quiet"));
	struct ph_attribute a[] = { { .name = "refresh_token", .value = fake_str("rrrrrr") }, { .name = "n", .value = one } };
	ph_addr object = fake_add((struct fake_object){ .kind = PH_KIND_INSTANCE, .form = PH_FORM_ATOM,
							.type_name = "C", .type_module = "m",
							.text = "<m.C object at 0x10>", .attributes = a, .attribute_count = 2 });
	survey(r, fake_list(fake_list(config, headers), fake_list(argv, object), holder, kinds));
	CHECK_STR(repr_of(r, config, false, &rendered),
		  "{'db_password': " R ", 'credentials': {" R ": " R ", " R ": [" R ", " R "]}, 'user': 1}");
	CHECK(rendered.redacted);
	/* the same objects elsewhere; the singleton and the shared key only there */
	CHECK_STR(repr_of(r, fake_list(secret, pin, one, user), false, NULL), "[" R ", " R ", 1, 'user']");
	CHECK_STR(repr_of(r, headers, false, NULL), "[(b'cookie', " R "), ('authorization', " R ")]");
	CHECK_STR(repr_of(r, fields, false, NULL), "('token', 'user')");
	CHECK_STR(repr_of(r, once, false, NULL), "('cookie', " R ")");
	CHECK_STR(repr_of(r, holders, false, NULL), "[ValueError(" R "), <built-in>]");
	CHECK(ph_redactor_is_marked(r, error) && ph_redactor_is_marked(r, joined) && ph_redactor_is_marked(r, viewed));
	CHECK(!ph_redactor_is_marked(r, globals));
	CHECK_STR(repr_of(r, argv, false, NULL), "['--api-key', " R ", '--token', '--quiet']");
	CHECK(ph_redactor_is_marked(r, a[0].value));
	/* and as text */
	CHECK_STR(repr_of(r, fake_str("login hunter2 with 471100"), false, NULL), "'login " R " with " R "'");
	CHECK_STR(repr_of(r, fake_str("14711001 0x7f471100ab"), false, NULL), "'14711001 0x7f471100ab'");
	CHECK_STR(repr_of(r, fake_bytes("hunter2", 7), false, NULL), "b'" R "'");
	/* by the place alone */
	CHECK_STR(repr_of(r, fake_list(fake_str("q"), one), true, NULL), "[" R ", " R "]");
	CHECK_STR(repr_of(r, fake_atom(PH_KIND_FUNCTION, "function", "<function f at 0x10>"), true, NULL),
		  "<function f at 0x10>");
	CHECK(!strncmp(repr_of(r, fake_atom(PH_KIND_OTHER, "UUID", "UUID('1234')"), true, NULL), "<UUID " R " at 0x", 16));
	CHECK(ph_redactor_count(r) > 5);
	ph_redactor_free(r);
}

/* A secret longer than what is shown, or across the cut. */
static void test_cut(void)
{
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	static char text[4000], key[3000];
	memset(text, 'a', 990);
	memset(key, 'k', sizeof(key) - 1);
	memcpy(key, "BEGIN", 5);
	ph_redactor_add_text(r, key, strlen(key));
	strcpy(text + 990, key);
	repr_of(r, fake_str(text), false, NULL);
	CHECK(!strstr(ph_buffer_text(&buffer), "BEGI"));
	ph_redactor_free(r);
}

static void test_values(void)
{
	struct ph_redactor *r = make(PH_REDACT_VALUES, NULL);
	ph_addr one = fake_int("1", true), s = fake_str("text");
	CHECK_STR(repr_of(r, fake_dict(s, fake_tuple(one, fake_bytes("b", 1))), false, NULL),
		  "{" R ": (" R ", " R ")}");
	CHECK_STR(repr_of(r, fake_atom(PH_KIND_BOOL, "bool", "True"), false, NULL), "True");
	CHECK_STR(repr_of(r, fake_atom(PH_KIND_INSTANCE, "C", "<m.C object at 0x7f00>"), false, NULL),
		  "<m.C object at 0x7f00>");
	CHECK(!strstr(repr_of(r, fake_atom(PH_KIND_INSTANCE, "C", "<C.RED: 'green'>"), false, NULL), "green"));
	CHECK(!strstr(repr_of(r, fake_atom(PH_KIND_OTHER, "range", "range(0, 4711)"), false, NULL), "4711"));
	CHECK(!strstr(repr_of(r, fake_atom(PH_KIND_OTHER, "F", "<F object at 0x7f: 'x'>"), false, NULL), "'x'"));
	struct ph_arena arena = { 0 };
	struct ph_object object;
	struct ph_render render = { .source = &fake_source, .redactor = r };
	CHECK(!ph_render_object(&render, s, &arena, &object));
	CHECK_STR(object.value, R);
	struct ph_local local = { .name = "n", .address = s };
	struct ph_frame frame = { .function = "f", .source = "  x = 'text'", .locals = &local, .local_count = 1 };
	ph_render_frame(&render, &arena, &frame);
	CHECK(!frame.source);
	CHECK_STR(local.repr, R);
	CHECK_STR(local.type, "str");
	ph_arena_deinit(&arena);
	ph_redactor_free(r);
}

static void test_speed(void)
{
	struct ph_redactor *r = make(PH_REDACT_SECRETS, NULL);
	struct timespec a, b;
	ph_addr key = fake_str("some_key"), list = fake_list(key, key), top = list;
	for (int i = 0; i < 50000; i++)
		top = fake_dict(key, fake_int("4711", false), fake_str("x"), top);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	CHECK(!ph_redactor_survey(r, &fake_source, &(struct ph_redaction_root){ NULL, top }, 1, 1000000, 100000, 100000));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	fprintf(stderr, "100,000 objects surveyed in %.1f ms\n", ms);
	CHECK(ms < 1000); /* sanitizers and a busy machine */
	ph_redactor_free(r);
}

int main(void)
{
	test_names();
	test_patterns();
	test_random_texts();
	test_long_texts();
	test_sources();
	test_known_texts();
	test_objects();
	test_cut();
	test_values();
	test_speed();
	fake_deinit();
	ph_buffer_deinit(&buffer);
	return CHECK_DONE();
}
