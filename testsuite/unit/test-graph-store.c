/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the cache: what was written comes back; altered in any byte, cut, or of another dump it is none. */
#include "graph/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/check.h"

static const uint8_t identity[PH_STORE_IDENTITY] = "this is a dump!", other[PH_STORE_IDENTITY] = "this is another";
static const char first[] = "the first section", second[100] = "the second";
static const struct ph_store_part parts[] = { { first, sizeof(first) }, { second, sizeof(second) }, { NULL, 0 } };
static char folder[] = "/tmp/test-graph-store.XXXXXX", path[200];

static bool is_whole(void)
{
	struct ph_store store = ph_store_open(identity, "graph");
	const char *a = ph_store_section(&store, 0, sizeof(first)), *b = ph_store_section(&store, 1, sizeof(second));
	bool whole = a && b && !memcmp(a, first, sizeof(first)) && !memcmp(b, second, sizeof(second));
	/* of a wrong size there is none */
	CHECK(!ph_store_section(&store, 0, sizeof(first) + 1));
	CHECK(!ph_store_section(&store, 7, 10));
	CHECK(!ph_store_section(&store, 99, 10));
	ph_store_close(&store);
	return whole;
}

static void alter(void)
{
	struct stat st;
	int fd = open(path, O_RDWR);
	CHECK(fd >= 0 && !fstat(fd, &st));
	CHECK_EQ(st.st_mode & 0777, 0600);
	for (off_t i = 0; i < st.st_size; i++) {
		char byte, changed;
		CHECK_EQ(pread(fd, &byte, 1, i), 1);
		changed = (char)(byte ^ (1 << i % 8));
		CHECK_EQ(pwrite(fd, &changed, 1, i), 1);
		struct ph_store store = ph_store_open(identity, "graph");
		const char *a = ph_store_section(&store, 0, sizeof(first)), *b = ph_store_section(&store, 1, sizeof(second));
		/* between the sections there is nothing that counts */
		CHECK((!a || !memcmp(a, first, sizeof(first))) && (!b || !memcmp(b, second, sizeof(second))));
		ph_store_close(&store);
		CHECK_EQ(pwrite(fd, &byte, 1, i), 1);
	}
	CHECK(is_whole());
	for (off_t size = st.st_size - 1; size >= 0; size -= 7) {
		CHECK(!ftruncate(fd, size));
		CHECK(!is_whole());
	}
	close(fd);
}

int main(void)
{
	CHECK(mkdtemp(folder));
	setenv("XDG_CACHE_HOME", folder, 1);
	snprintf(path, sizeof(path), "%s/pyheap/7468697320697320612064756d702100.graph.cache", folder);
	CHECK(!is_whole());
	CHECK(ph_store_write(identity, "graph", parts, 3));
	CHECK(is_whole());
	struct ph_store store = ph_store_open(other, "graph");
	CHECK(!store.map);
	store = ph_store_open(identity, "types");
	CHECK(!store.map);
	alter();
	CHECK(ph_store_write(identity, "graph", parts, 3));
	CHECK(is_whole());
	/* of another dump, under this one's name; readable to write for others; a link */
	char elsewhere[200];
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	CHECK(!chmod(path, 0622) && !is_whole() && !chmod(path, 0600) && is_whole());
	CHECK(!rename(path, elsewhere) && !symlink(elsewhere, path) && !is_whole());
	unlink(path), unlink(elsewhere);
	CHECK(ph_store_write(other, "graph", parts, 3));
	snprintf(elsewhere, sizeof(elsewhere), "%s/pyheap/7468697320697320616e6f7468657200.graph.cache", folder);
	CHECK(!rename(elsewhere, path));
	CHECK(!is_whole());
	unlink(path);
	/* nowhere to keep it is no error */
	snprintf(elsewhere, sizeof(elsewhere), "%s/pyheap", folder);
	CHECK(!rmdir(elsewhere) && !rmdir(folder));
	setenv("XDG_CACHE_HOME", "/dev/null", 1);
	CHECK(!ph_store_write(identity, "graph", parts, 3));
	setenv("XDG_CACHE_HOME", "relative", 1);
	unsetenv("HOME");
	CHECK(!ph_store_write(identity, "graph", parts, 3));
	return CHECK_DONE();
}
