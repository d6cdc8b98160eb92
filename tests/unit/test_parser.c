/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/cleanup.h"
#include "symbolizer/child.h"
#include "symbolizer/demangle.h"
#include "symbolizer/parser.h"
#include "tests/test.h"
#include "tests/unit/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { LONG_MS = 60000 };

/* What this test's own children do. */

static void child_status(char **argv)
{
	int status = open("/proc/self/status", O_RDONLY);
	char text[8192];
	ssize_t size;

	child_drop_rights(argv);
	child_confine();
	size = read(status, text, sizeof(text));
	if (size > 0 && write(CHILD_OUT, text, (size_t)size) == size)
		child_exit(0);
}

static void child_limits(void)
{
	static const int resources[] = {RLIMIT_CORE,  RLIMIT_NPROC, RLIMIT_NOFILE,
					RLIMIT_FSIZE, RLIMIT_CPU,   RLIMIT_AS};
	struct rlimit limits[ARRAY_SIZE(resources)];

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
		getrlimit((__rlimit_resource_t)resources[i], &limits[i]);
	if (write(CHILD_OUT, limits, sizeof(limits)) == (ssize_t)sizeof(limits))
		child_exit(0);
}

/* One byte a descriptor: is it open? */
static void child_descriptors(void)
{
	char open_now[256];

	for (int fd = 0; fd < (int)sizeof(open_now); fd++)
		open_now[fd] = fcntl(fd, F_GETFD) >= 0;
	if (write(CHILD_OUT, open_now, sizeof(open_now)) == (ssize_t)sizeof(open_now))
		child_exit(0);
}

static void child_hold(void)
{
	pid_t pid = getpid();

	if (write(CHILD_OUT, &pid, sizeof(pid)) == (ssize_t)sizeof(pid))
		for (;;)
			pause();
}

/* A demangler that dies of the name "crash" and makes "fake" of all others, where the first name
 * asks for it. The real one knows no such name, so far. */
static void child_fake_demangler(void)
{
	char names[256];
	ssize_t size = pread(CHILD_IN, names, sizeof(names), 0);

	for (char *at = names; at < names + size; at += strlen(at) + 1) {
		if (!strcmp(at, "crash"))
			raise(SIGSEGV);
		if (write(CHILD_OUT, "fake", 5) != 5)
			return;
	}
	child_exit(0);
}

/* Asks for "a" and "b", and says what is in them; "-" is what cannot be had. */
static void child_asks(void)
{
	for (const char *what = "ab"; *what; what++) {
		int fd = child_ask(what, 1);
		char bytes[16] = "-";
		ssize_t size = fd < 0 ? 1 : pread(fd, bytes, sizeof(bytes), 0);

		if (size < 1 || write(CHILD_OUT, bytes, (size_t)size) != size)
			return;
	}
	child_exit(0);
}

/* More than one descriptor at once, and more bytes in a question than are read. */
static void child_asks_too_much(void)
{
	static const char big[CHILD_ASK_BYTES_MAX + 1];
	int first = child_ask("a", 1), second = dup(first);

	if (first != 0 || second >= 0 || child_ask(big, sizeof(big)) >= 0 || child_ask("a", 1) >= 0)
		return;
	child_exit(0);
}

static bool wants_fake_demangler(const char *verb)
{
	char first[5] = "";

	return !strcmp(verb, "demangle") && pread(CHILD_IN, first, 4, 0) == 4 &&
	       !strcmp(first, "fake");
}

static int run_child(const char *verb, char **argv)
{
	if (!strcmp(verb, "status"))
		child_status(argv);
	child_drop_rights(argv);
	child_confine();
	if (!strcmp(verb, "demangle"))
		child_fake_demangler();
	if (!strcmp(verb, "limits"))
		child_limits();
	if (!strcmp(verb, "descriptors"))
		child_descriptors();
	if (!strcmp(verb, "ask"))
		child_asks();
	if (!strcmp(verb, "ask too much"))
		child_asks_too_much();
	if (!strcmp(verb, "hold"))
		child_hold();
	if (!strcmp(verb, "crash"))
		raise(SIGSEGV);
	if (!strcmp(verb, "killed"))
		raise(SIGKILL);
	if (!strcmp(verb, "fork") && fork() < 0)
		child_exit(0);
	if (!strcmp(verb, "open") && open("/dev/null", O_RDONLY) < 0)
		child_exit(0);
	if (!strcmp(verb, "verdict"))
		child_exit(-EFBIG);
	return 1;
}

static int run(const char *verb, unsigned int deadline_ms, int *ret_out)
{
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	*ret_out = child_memfd("test");
	return child_run(verb, in, *ret_out, deadline_ms);
}

static bool has_fork_server;

/* But for the fork server. */
static bool has_no_children(void)
{
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	return has_fork_server ? pid == 0 : pid < 0 && errno == ECHILD;
}

static void check_line(const char *status, const char *line)
{
	if (!strstr(status, line))
		TEST_FAIL("no \"%s\" in: %s", line, status);
}

TEST(the_child_has_no_capabilities_no_privileges_and_nobodys_uid)
{
	_cleanup_close_ int out = -1;
	char status[8192] = "";

	CHECK_INT(run("status", LONG_MS, &out), 0);
	CHECK(pread(out, status, sizeof(status) - 1, 0) > 0);
	check_line(status, "Name:\twick-parser\n");
	check_line(status, "\nCapEff:\t0000000000000000\n");
	check_line(status, "\nCapPrm:\t0000000000000000\n");
	check_line(status, "\nCapInh:\t0000000000000000\n");
	check_line(status, "\nCapAmb:\t0000000000000000\n");
	check_line(status, "\nNoNewPrivs:\t1\n");
	check_line(status, SANITIZED ? "\nSeccomp:\t0\n" : "\nSeccomp:\t2\n");
	if (geteuid() != 0) {
		printf("    skipped: uid and bounding set, not root\n");
		return;
	}
	check_line(status, "\nCapBnd:\t0000000000000000\n");
	check_line(status, "\nUid:\t65534\t65534\t65534\t65534\n");
	check_line(status, "\nGid:\t65534\t65534\t65534\t65534\n");
	check_line(status, "\nGroups:\t \n");
}

TEST(the_child_has_its_limits)
{
	_cleanup_close_ int out = -1;
	struct rlimit limits[6];

	CHECK_INT(run("limits", LONG_MS, &out), 0);
	CHECK_INT(pread(out, limits, sizeof(limits), 0), sizeof(limits));
	CHECK_INT(limits[0].rlim_max, 0);
	CHECK_INT(limits[1].rlim_max, 0);
	CHECK_INT(limits[2].rlim_max, 5);
	CHECK_INT(limits[3].rlim_max, CHILD_OUT_MAX);
	CHECK(limits[4].rlim_max <= 60);
	CHECK(SANITIZED || limits[5].rlim_max <= 2ull << 30);
}

TEST(the_child_can_neither_fork_nor_open_files)
{
	_cleanup_close_ int a = -1, b = -1;

	CHECK_INT(run("fork", LONG_MS, &a), 0);
	CHECK_INT(run("open", LONG_MS, &b), 0);
}

TEST(the_child_inherits_its_own_descriptors_and_no_others)
{
	_cleanup_close_ int leaky = open("/dev/null", O_RDONLY); /* not close-on-exec */
	_cleanup_close_ int out = -1;
	char open_there[256];

	CHECK(leaky > 2);
	CHECK_INT(run("descriptors", LONG_MS, &out), 0);
	CHECK_INT(pread(out, open_there, sizeof(open_there), 0), sizeof(open_there));
	for (int fd = 0; fd < (int)sizeof(open_there); fd++)
		CHECK_INT(open_there[fd], fd <= CHILD_ASK);
}

/* A file that holds what it was asked for, which is a letter; no file for "b". */
static int open_letter(void *context, const void *what, size_t size)
{
	int fd;

	++*(unsigned int *)context;
	if (size != 1 || *(const char *)what == 'b')
		return -ENOENT;
	fd = memfd_create("letter", MFD_CLOEXEC);
	CHECK_INT(write(fd, what, size), 1);
	return fd;
}

static int run_asking(const char *verb, const struct child_opener *opener, char *ret_said)
{
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = child_memfd("test");
	int err = child_run_files(verb, &in, 1, opener, out, LONG_MS);
	ssize_t size = pread(out, ret_said, 8, 0);

	ret_said[size > 0 ? size : 0] = '\0';
	return err;
}

TEST(a_child_is_given_the_files_that_it_asks_for_while_somebody_answers)
{
	unsigned int asked = 0, before = open_descriptors();
	const struct child_opener opener = {open_letter, &asked};
	char said[9];

	CHECK_INT(run_asking("ask", &opener, said), 0);
	CHECK_STR(said, "a-");
	CHECK_INT(asked, 2);
	CHECK_INT(run_asking("ask", NULL, said), 0);
	CHECK_STR(said, "--");
	CHECK_INT(run_asking("ask too much", &opener, said), 0);
	CHECK_INT(asked, 3);
	CHECK_INT(run_asking("crash", &opener, said), -ECHILD);
	CHECK_INT(open_descriptors(), before);
}

TEST(a_child_that_hangs_is_killed_at_its_deadline_and_reaped)
{
	_cleanup_close_ int out = -1;
	pid_t pid = 0;

	CHECK_INT(run("hold", 500, &out), -ETIMEDOUT);
	/* On a busy machine the deadline may come before the child's first line. */
	if (pread(out, &pid, sizeof(pid), 0) == (ssize_t)sizeof(pid))
		CHECK(pid > 0 && kill(pid, 0) < 0 && errno == ESRCH);
	CHECK(has_no_children());
}

TEST(a_child_that_crashes_or_gives_a_verdict_is_told_apart)
{
	_cleanup_close_ int a = -1, b = -1, c = -1, d = -1;

	CHECK_INT(run("crash", LONG_MS, &a), -ECHILD);
	CHECK_INT(run("verdict", LONG_MS, &b), -EFBIG);
	/* Its CPU time is not up: it is the kernel that had no memory left. */
	CHECK_INT(run("killed", LONG_MS, &d), -ENOMEM);
	CHECK_INT(run("no such verb", LONG_MS, &c), -ECHILD);
	CHECK(has_no_children());
}

TEST(the_answer_is_sealed)
{
	_cleanup_close_ int out = -1;

	CHECK_INT(run("status", LONG_MS, &out), 0);
	CHECK(pwrite(out, "x", 1, 0) < 0 && errno == EPERM);
	CHECK(ftruncate(out, 0) < 0 && errno == EPERM);
	CHECK(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, out, 0) == MAP_FAILED);
}

/* A parent that is killed while its child hangs; the child then becomes ours, and must die. */
TEST(a_child_dies_with_its_parent)
{
	_cleanup_close_ int out = child_memfd("test"), in = open("/dev/null", O_RDONLY);
	pid_t parent, child = 0;
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	parent = fork();
	if (parent == 0)
		_exit(child_run("hold", in, out, LONG_MS) != 0);
	while (pread(out, &child, sizeof(child), 0) != (ssize_t)sizeof(child))
		usleep(1000);
	kill(parent, SIGKILL);
	CHECK_INT(waitpid(parent, NULL, 0), parent);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(a_fifo_a_directory_and_a_text_are_refused_without_waiting)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int text = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int empty = child_memfd("empty");
	struct symindex *index = NULL;
	int ends[2];

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK_INT(parser_index(ends[0], LONG_MS, &index), -ENOEXEC);
	CHECK_INT(parser_index(directory, LONG_MS, &index), -ENOEXEC);
	CHECK_INT(parser_index(text, LONG_MS, &index), -ENOEXEC);
	CHECK_INT(parser_index(empty, LONG_MS, &index), -ENOEXEC);
	CHECK_INT(parser_index(-1, LONG_MS, &index), -EAGAIN);
	CHECK(!index);
	close(ends[0]);
	close(ends[1]);
}

static void *index_self(void *failures)
{
	for (unsigned int i = 0; i < (SANITIZED ? 5 : 25); i++) {
		_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		_cleanup_(symindex_freep) struct symindex *index = NULL;

		if (parser_index(fd, LONG_MS, &index) || !symindex_count(index))
			__atomic_add_fetch((int *)failures, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST(many_threads_index_at_once_and_nothing_is_left_open)
{
	unsigned int before = open_descriptors();
	pthread_t threads[4];
	int failures = 0;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_INT(pthread_create(&threads[i], NULL, index_self, &failures), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(failures, 0);
	CHECK_INT(open_descriptors(), before);
	CHECK(has_no_children());
}

/* A static function's name shows that the parent's own image was read. */
TEST(the_index_of_this_very_program_names_its_functions)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct symindex_name name;
	bool found = false;

	CHECK_INT(parser_index(fd, LONG_MS, &index), 0);
	for (uint32_t i = 0; index && symindex_at(index, i, &name); i++)
		found |= !strcmp(name.symbol, "index_self");
	CHECK(found);
}

static void try_elf(const char *bytes, size_t size)
{
	_cleanup_close_ int fd = child_memfd("elf");
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	int err;

	CHECK_INT(write(fd, bytes, size), size);
	err = parser_index(fd, LONG_MS, &index);
	if (err && err != -ENOEXEC && err != -EBADMSG && err != -EFBIG)
		TEST_FAIL("error %d (%s) for %zu bytes", err, parser_error(err), size);
}

static size_t read_tiny(char *bytes, size_t size)
{
	_cleanup_close_ int fd = open(ELF_DIR "/tiny.elf", O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, bytes, size);

	CHECK(got > 1000 && got < (ssize_t)size);
	return got > 0 ? (size_t)got : 0;
}

/* Sanitized children start 20 times as slowly; test_symindex.c tries all of these in one process.
 */
TEST(cut_and_changed_elf_files_never_kill_a_child)
{
	static char elf[64 << 10], mutant[64 << 10];
	size_t size = read_tiny(elf, sizeof(elf)), step = SANITIZED ? 97 : 5;
	uint32_t state = 1;

	for (size_t cut = 0; cut < size; cut += step)
		try_elf(elf, cut);
	for (unsigned int n = 0; n < (SANITIZED ? 100 : 2000); n++) {
		memcpy(mutant, elf, size);
		for (unsigned int i = 0; i <= n % 8; i++) {
			state = state * 1664525 + 1013904223;
			mutant[state % size] = (char)(state >> 24);
		}
		try_elf(mutant, size);
	}
	CHECK(has_no_children());
}

TEST(names_are_demangled_by_the_hundred)
{
	enum { COUNT = 500 };
	const char *names[COUNT];
	_cleanup_free_ char **readable = NULL;

	for (unsigned int i = 0; i < COUNT; i++)
		names[i] = i % 3 == 0 ? "_ZN3foo3barEi" : i % 3 == 1 ? "plain" : "";
	CHECK_INT(parser_demangle(names, COUNT, LONG_MS, &readable), 0);
	for (unsigned int i = 0; readable && i < COUNT; i++)
		CHECK_STR(readable[i], i % 3 ? NULL : "foo::bar");
}

TEST(no_names_and_too_long_ones_are_no_error)
{
	static char longer[DEMANGLE_IN_MAX + 2];
	const char *names[] = {longer, "_ZN3foo3barEi"};
	_cleanup_free_ char **readable = NULL, **none = NULL;

	memset(longer, 'i', sizeof(longer) - 1);
	memcpy(longer, "_Z1f", 4);
	CHECK_INT(parser_demangle(names, 2, LONG_MS, &readable), 0);
	CHECK(readable && !readable[0]);
	CHECK_STR(readable ? readable[1] : NULL, "foo::bar");
	CHECK_INT(parser_demangle(names, 0, LONG_MS, &none), 0);
}

TEST(demangling_that_misses_its_deadline_says_so)
{
	const char *names[] = {"_ZN3foo3barEi"};
	char **readable = NULL;
	int err = parser_demangle(names, 1, 0, &readable);

	/* A child may be that fast. */
	CHECK(err == -ETIMEDOUT || (err == 0 && readable));
	free(readable);
	CHECK(has_no_children());
}

TEST(a_name_that_kills_the_demangler_takes_no_other_with_it)
{
	const char *names[] = {"fake", "a", "crash", "fake", "crash", "fake", "b"};
	_cleanup_free_ char **readable = NULL;

	CHECK_INT(parser_demangle(names, ARRAY_SIZE(names), LONG_MS, &readable), 0);
	for (unsigned int i = 0; readable && i < ARRAY_SIZE(names); i++)
		CHECK_STR(readable[i], strcmp(names[i], "crash") != 0 ? "fake" : NULL);
	CHECK(has_no_children());
}

TEST(after_many_deadly_names_the_rest_stays_as_it_is)
{
	const char *names[40];
	_cleanup_free_ char **readable = NULL;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = i % 2 ? "crash" : "fake";
	CHECK_INT(parser_demangle(names, ARRAY_SIZE(names), LONG_MS, &readable), 0);
	CHECK(readable && readable[0] && !readable[1] && readable[2] && !readable[39]);
}

static int unwind(const char *name, const char *debug, struct cfi_table **ret_table)
{
	char path[256], debug_path[256];
	_cleanup_close_ int fd = -1, debug_fd = -1;

	snprintf(path, sizeof(path), "%s/%s.elf", ELF_DIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (debug) {
		snprintf(debug_path, sizeof(debug_path), "%s/%s.elf", ELF_DIR, debug);
		debug_fd = open(debug_path, O_RDONLY | O_CLOEXEC);
		CHECK(debug_fd >= 0);
	}
	return parser_unwind(fd, debug_fd, LONG_MS, ret_table);
}

TEST(a_child_makes_an_unwind_table)
{
	struct cfi_table *table = NULL;

	CHECK_INT(unwind("pie", NULL, &table), 0);
	if (table)
		CHECK(table->header->stats.fdes >= 5);
	cfi_table_free(table);
	CHECK(has_no_children());
}

TEST(a_file_of_gigabytes_is_within_the_limits)
{
	_cleanup_close_ int fd = open(ELF_DIR "/pie.elf", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int big = memfd_create("big", MFD_CLOEXEC);
	struct cfi_table *table = NULL;
	struct symindex *index = NULL;
	struct stat st;

	CHECK(!fstat(fd, &st));
	CHECK(sendfile(big, fd, NULL, (size_t)st.st_size) == st.st_size);
	CHECK(!ftruncate(big, (off_t)5 << 30));
	CHECK_INT(parser_unwind(big, -1, LONG_MS, &table), 0);
	CHECK_INT(parser_index(big, LONG_MS, &index), 0);
	cfi_table_free(table);
	symindex_free(index);
}

TEST(a_debug_file_fills_the_unwind_table)
{
	struct cfi_table *table = NULL;
	uint64_t without = 0;

	CHECK_INT(unwind("nocfi", NULL, &table), 0);
	if (table)
		without = table->header->stats.covered;
	cfi_table_free(TAKE_PTR(table));
	CHECK_INT(unwind("nocfi", "nocfi-debug", &table), 0);
	if (table)
		CHECK(table->header->stats.covered > without);
	cfi_table_free(TAKE_PTR(table));
	CHECK_INT(unwind("nocfi", "nocfi-debug-compressed", &table), 0);
	if (table)
		CHECK(table->header->stats.covered > without);
	cfi_table_free(TAKE_PTR(table));

	/* another program's debug file is not believed */
	CHECK_INT(unwind("pie", "nocfi-debug", &table), 0);
	if (table)
		CHECK_INT(table->header->stats.overlaps, 0);
	cfi_table_free(TAKE_PTR(table));
	CHECK_INT(unwind("aliases32", NULL, &table), -ENOEXEC);
	CHECK(!table);
}

/* Our only child, as it is in /proc. */
static pid_t find_child(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char path[300], text[512] = "";
		_cleanup_close_ int fd = -1;
		int parent = 0;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strrchr(text, ')') &&
		    sscanf(strrchr(text, ')'), ") %*c %d", &parent) == 1 && parent == getpid())
			found = (pid_t)atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* The last test: there is none any more behind it. */
TEST(children_come_by_exec_when_the_fork_server_has_died)
{
	_cleanup_close_ int out = -1;
	siginfo_t dead;
	pid_t server;

	if (!has_fork_server)
		return;
	server = find_child();
	CHECK(server != 0);
	if (server) {
		kill(server, SIGKILL);
		CHECK_INT(waitid(P_PID, (id_t)server, &dead, WEXITED | WNOWAIT), 0);
	}
	CHECK_INT(run("verdict", LONG_MS, &out), -EFBIG);
	has_fork_server = false;
	CHECK(has_no_children());
}

int main(int argc, char **argv)
{
	static const char *const own[] = {"status", "limits",	    "descriptors", "hold",
					  "crash",  "killed",	    "fork",	   "open",
					  "ask",    "ask too much", "verdict"};
	const char *verb = child_verb(argc, argv);

	for (size_t i = 0; verb && i < ARRAY_SIZE(own); i++)
		if (!strcmp(verb, own[i]))
			return run_child(verb, argv);
	if (verb && wants_fake_demangler(verb))
		return run_child(verb, argv);
	if (verb)
		return parser_main(argc, argv);
	has_fork_server = getenv("TEST_FORKS");
	if (has_fork_server)
		child_prepare();
	return test_run_all();
}
