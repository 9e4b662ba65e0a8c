/* Counts the calls that change what is on disk below some folders, and strikes at one of them.

   Loaded by LD_PRELOAD and idle until `faults_arm`. A kill strikes just before the call. A full disk
   (ENOSPC) fails what needs room, a denied permission (EACCES) what looks a path up for writing; both
   fail all later ones too. Writes into one open file count once: between them only its length differs.
   fsync is a point for the full disk alone, because a killed process loses nothing without it.
   Calls that would change nothing, such as mkdir of a folder that is there, do not count. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL = 1, FULL = 2, DENIED = 4, ANY = KILL | FULL | DENIED };
enum { UNKNOWN, ELSEWHERE, COUNTED };

static int mode, report = -1;
static long strike_at;
static atomic_long count;
static char root[PATH_MAX];
static const char *const watched[] = {"models", "runs", ".pipeline"};
static unsigned char state[4096];

/* From now on strike at the n-th point below `folder`; n = 0 only counts. Every point is noted in a file. */
void faults_arm(const char *folder, int how, long n, const char *file)
{
    snprintf(root, sizeof root, "%s/", folder);
    report = fcntl(open(file, O_WRONLY | O_CREAT | O_APPEND, 0644), F_DUPFD_CLOEXEC, 1000);
    memset(state, UNKNOWN, sizeof state);
    count = 0;
    strike_at = n;
    mode = how;
}

static int is_watched(const char *path)
{
    size_t length = strlen(root);
    if (strncmp(path, root, length)) return 0;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        size_t own = strlen(watched[i]);
        if (!strncmp(path + length, watched[i], own) && strchr("/", path[length + own])) return 1;
    }
    return 0;
}

/* The path of a descriptor; empty if there is none. */
static void path_of(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

/* A path as given, made absolute. */
static void absolute(int folder, const char *path, char *result)
{
    char base[PATH_MAX];
    if (*path == '/') base[0] = 0;
    else if (folder != AT_FDCWD) path_of(folder, base);
    else if (!getcwd(base, sizeof base)) base[0] = 0;
    if (snprintf(result, PATH_MAX, *base ? "%s/%s" : "%s%s", base, path) >= PATH_MAX) *result = 0;
}

/* Count a point; the error that the call has to fail with, or 0. */
static int judge(const char *call, const char *path, int kinds)
{
    if (!(kinds & mode)) return 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path + strlen(root));
    syscall(SYS_write, report, line, length);
    if (!strike_at || number < strike_at) return 0;
    if (mode == KILL)
        for (;;) kill(0, SIGKILL);
    return mode == FULL ? ENOSPC : EACCES;
}

static int judge_path(const char *call, int folder, const char *path, int kinds)
{
    char full[PATH_MAX];
    if (!mode || !path) return 0;
    absolute(folder, path, full);
    return is_watched(full) ? judge(call, full, kinds) : 0;
}

static int judge_descriptor(const char *call, int fd)
{
    char path[PATH_MAX];
    if (!mode || fd < 0 || fd >= (int)sizeof state || state[fd] == ELSEWHERE) return 0;
    if (state[fd] == COUNTED) return mode == FULL && strike_at && count >= strike_at ? ENOSPC : 0;
    path_of(fd, path);
    state[fd] = is_watched(path) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY ? COUNTED : ELSEWHERE;
    return state[fd] == COUNTED ? judge(call, path, KILL | FULL) : 0;
}

static int is_there(int folder, const char *path)
{
    struct stat found;
    int kept = errno, answer = path && !fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW);
    errno = kept;
    return answer;
}

static int judge_open(const char *call, int folder, const char *path, int flags)
{
    if (!mode || (flags & O_ACCMODE) == O_RDONLY) return 0;
    int there = is_there(folder, path);
    int makes = !there && (flags & O_CREAT), cuts = there && (flags & O_TRUNC);
    return judge_path(call, folder, path, makes ? ANY : cuts ? KILL | DENIED : DENIED);
}

static void forget(int fd)
{
    if (fd >= 0 && fd < (int)sizeof state) state[fd] = UNKNOWN;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL_IF(error, value) \
    do { int found = (error); if (found) { errno = found; return value; } } while (0)

/* Calls on paths. */
#define ON_PATH(name, parameters, arguments, folder, path, changes, kinds) \
    int name parameters { \
        REAL(name); \
        if (mode && (changes)) FAIL_IF(judge_path(#name, folder, path, kinds), -1); \
        return real arguments; \
    }
#define MAKES(name, parameters, arguments, folder, path) \
    ON_PATH(name, parameters, arguments, folder, path, !is_there(folder, path), ANY)
#define REMOVES(name, parameters, arguments, folder, path) \
    ON_PATH(name, parameters, arguments, folder, path, is_there(folder, path), KILL | DENIED)

MAKES(mkdir, (const char *path, mode_t bits), (path, bits), AT_FDCWD, path)
MAKES(mkdirat, (int at, const char *path, mode_t bits), (at, path, bits), at, path)
MAKES(symlink, (const char *to, const char *path), (to, path), AT_FDCWD, path)
MAKES(symlinkat, (const char *to, int at, const char *path), (to, at, path), at, path)
MAKES(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
MAKES(linkat, (int one, const char *from, int at, const char *to, int how), (one, from, at, to, how), at, to)
REMOVES(unlink, (const char *path), (path), AT_FDCWD, path)
REMOVES(unlinkat, (int at, const char *path, int how), (at, path, how), at, path)
REMOVES(rmdir, (const char *path), (path), AT_FDCWD, path)
REMOVES(remove, (const char *path), (path), AT_FDCWD, path)
ON_PATH(rename, (const char *from, const char *to), (from, to), AT_FDCWD, to,
        is_there(AT_FDCWD, from), KILL | DENIED)
ON_PATH(renameat, (int one, const char *from, int at, const char *to), (one, from, at, to), at, to,
        is_there(one, from), KILL | DENIED)
ON_PATH(renameat2, (int one, const char *from, int at, const char *to, unsigned how),
        (one, from, at, to, how), at, to, is_there(one, from), KILL | DENIED)
ON_PATH(truncate, (const char *path, off_t length), (path, length), AT_FDCWD, path, 1, KILL | DENIED)
ON_PATH(truncate64, (const char *path, off64_t length), (path, length), AT_FDCWD, path, 1, KILL | DENIED)

/* Calls that open. */
#define ON_OPEN(name, parameters, folder, flags, ...) \
    int name parameters { \
        mode_t bits = 0; \
        if ((flags) & (O_CREAT | __O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, last); \
            bits = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        REAL(name); \
        FAIL_IF(judge_open(#name, folder, path, flags), -1); \
        int fd = real(__VA_ARGS__, bits); \
        forget(fd); \
        return fd; \
    }
ON_OPEN(open, (const char *path, int last, ...), AT_FDCWD, last, path, last)
ON_OPEN(open64, (const char *path, int last, ...), AT_FDCWD, last, path, last)
ON_OPEN(openat, (int at, const char *path, int last, ...), at, last, at, path, last)
ON_OPEN(openat64, (int at, const char *path, int last, ...), at, last, at, path, last)

int creat(const char *path, mode_t bits) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, bits); }
int creat64(const char *path, mode_t bits) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, bits); }

#define ON_FOPEN(name) \
    FILE *name(const char *path, const char *how) { \
        REAL(name); \
        int flags = *how == 'r' ? 0 : O_CREAT | (*how == 'w' ? O_TRUNC : 0); \
        flags |= *how == 'r' && !strchr(how, '+') ? O_RDONLY : O_WRONLY; \
        FAIL_IF(judge_open(#name, AT_FDCWD, path, flags), NULL); \
        FILE *file = real(path, how); \
        if (file) forget(fileno(file)); \
        return file; \
    }
ON_FOPEN(fopen)
ON_FOPEN(fopen64)

/* Calls on descriptors. */
#define ON_DESCRIPTOR(type, name, parameters, arguments) \
    type name parameters { \
        REAL(name); \
        FAIL_IF(judge_descriptor(#name, fd), -1); \
        return real arguments; \
    }
ON_DESCRIPTOR(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
ON_DESCRIPTOR(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
ON_DESCRIPTOR(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
ON_DESCRIPTOR(ssize_t, writev, (int fd, const struct iovec *data, int n), (fd, data, n))
ON_DESCRIPTOR(ssize_t, pwritev, (int fd, const struct iovec *data, int n, off_t at), (fd, data, n, at))
ON_DESCRIPTOR(ssize_t, pwritev64, (int fd, const struct iovec *data, int n, off64_t at), (fd, data, n, at))
ON_DESCRIPTOR(ssize_t, sendfile, (int fd, int from, off_t *at, size_t n), (fd, from, at, n))
ON_DESCRIPTOR(ssize_t, sendfile64, (int fd, int from, off64_t *at, size_t n), (fd, from, at, n))
ON_DESCRIPTOR(ssize_t, copy_file_range,
              (int from, off64_t *at, int fd, off64_t *to, size_t n, unsigned how),
              (from, at, fd, to, n, how))
ON_DESCRIPTOR(int, ftruncate, (int fd, off_t length), (fd, length))
ON_DESCRIPTOR(int, ftruncate64, (int fd, off64_t length), (fd, length))
ON_DESCRIPTOR(int, fallocate, (int fd, int how, off_t at, off_t length), (fd, how, at, length))
ON_DESCRIPTOR(int, fallocate64, (int fd, int how, off64_t at, off64_t length), (fd, how, at, length))

#define ON_SYNC(name) \
    int name(int fd) { \
        char path[PATH_MAX]; \
        REAL(name); \
        if (mode == FULL) { \
            path_of(fd, path); \
            if (is_watched(path)) FAIL_IF(judge(#name, path, FULL), -1); \
        } \
        return real(fd); \
    }
ON_SYNC(fsync)
ON_SYNC(fdatasync)

/* Buffered files, whose own writes are inside the C library. */
size_t fwrite(const void *data, size_t size, size_t n, FILE *file)
{
    REAL(fwrite);
    FAIL_IF(judge_descriptor("fwrite", fileno(file)), 0);
    return real(data, size, n, file);
}

int fflush(FILE *file)
{
    REAL(fflush);
    if (file && __fpending(file)) FAIL_IF(judge_descriptor("fflush", fileno(file)), EOF);
    return real(file);
}

int fclose(FILE *file)
{
    REAL(fclose);
    int fd = fileno(file), error = __fpending(file) ? judge_descriptor("fclose", fd) : 0;
    if (error) __fpurge(file);
    forget(fd);
    int answer = real(file);
    FAIL_IF(error, EOF);
    return answer;
}

/* Descriptors that become others. */
int close(int fd)
{
    REAL(close);
    forget(fd);
    return real(fd);
}

int dup2(int from, int fd)
{
    REAL(dup2);
    forget(fd);
    return real(from, fd);
}

int dup3(int from, int fd, int flags)
{
    REAL(dup3);
    forget(fd);
    return real(from, fd, flags);
}
