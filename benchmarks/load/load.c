/* load PORT FILE WIDTH SECONDS KEEP: requests to 127.0.0.1, WIDTH at a time, on one thread.

   FILE has the requests, each after its length as four bytes, least first; they are sent in turn. With KEEP 0 each has
   a connection of its own, which ends when the server closes it or, if the answer says its Length, when that has come;
   with KEEP 1 the WIDTH connections stay open. It waits for one answer at least. Prints: answers, those that do not
   begin with "200 " or "HTTP/1.1 200 ", seconds, seconds of processor time used here. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 16, MAX_WIDTH = 4096 };

struct connection { int fd; size_t got; char answer[ROOM]; };

static struct sockaddr_in server;
static unsigned char *requests;
static size_t size, at;
static struct connection *connections;
static int poll_fd, keep;
static long answers, failed;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void ask(struct connection *c) {
    size_t length = requests[at] | requests[at + 1] << 8 | requests[at + 2] << 16 | (size_t)requests[at + 3] << 24;
    c->got = 0;
    if (send(c->fd, requests + at + 4, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
    at += 4 + length;
    if (at >= size) at = 0;
}

static void begin(struct connection *c) {
    int on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if ((c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("socket");
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server)) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
    ask(c);
}

/* Whether the answer is there, as far as it says how long it is. */
static int is_whole(struct connection *c) {
    c->answer[c->got] = 0;
    char *end = strstr(c->answer, "\n\n"), *length = strstr(c->answer, "\nLength: ");
    return end && length && length < end && c->got >= (size_t)(end + 2 - c->answer) + strtoul(length + 9, 0, 10);
}

static void finish(struct connection *c) {
    answers++;
    if (strncmp(c->answer, "200 ", 4) && strncmp(c->answer, "HTTP/1.1 200 ", 13)) failed++;
    if (keep) { ask(c); return; }
    close(c->fd);
    begin(c);
}

static void readable(struct connection *c) {
    ssize_t got = recv(c->fd, c->answer + c->got, ROOM - 1 - c->got, 0);
    if (got < 0 && errno != ECONNRESET) die("recv");
    if (got > 0) c->got += got;
    if (is_whole(c) || (got <= 0 && !keep)) finish(c);
    else if (got <= 0) { fprintf(stderr, "the server closed a connection that was to stay open\n"); exit(1); }
}

int main(int argc, char **argv) {
    struct epoll_event events[256];
    struct rusage usage;
    if (argc != 6) { fprintf(stderr, "load PORT FILE WIDTH SECONDS KEEP\n"); return 2; }
    int width = atoi(argv[3]);
    if (width < 1 || width > MAX_WIDTH) { fprintf(stderr, "WIDTH is 1 to %d\n", MAX_WIDTH); return 2; }
    keep = atoi(argv[5]);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    FILE *file = fopen(argv[2], "rb");
    if (!file || fseek(file, 0, SEEK_END)) die(argv[2]);
    size = ftell(file);
    rewind(file);
    if (!(requests = malloc(size)) || fread(requests, 1, size, file) != size) die(argv[2]);
    if (!(connections = calloc(width, sizeof *connections))) die("calloc");
    poll_fd = epoll_create1(0);
    double start = now(), stop = start + atof(argv[4]);
    for (int n = 0; n < width; n++) begin(connections + n);
    while (now() < stop || !answers) {
        int count = epoll_wait(poll_fd, events, 256, 100);
        for (int n = 0; n < count; n++) readable(events[n].data.ptr);
    }
    double seconds = now() - start;
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld %ld %f %f\n", answers, failed, seconds,
           usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    return 0;
}
