/*
 * Runs what mcconfig builds for Linux (`mc.so`) without a display, in place of the SDK's simulator: the
 * library wants the few functions of a screen, and GLib's main loop.
 *
 *   launcher mc.so SECONDS
 *
 * Output of the program comes on stdout. `LAUNCHER abort N` tells that the engine gave up, `LAUNCHER
 * timeout` that the time was over.
 */
#include <dlfcn.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define mxLinux 1
#include "screen.h"

enum { SIDE = 8, ABORTED = 1, TIMEOUT = 2, UNUSABLE = 3 };

static GMainLoop *loop;
static int result;
static guint idle;

static void end(const char *word, int code, int value)
{
	printf("LAUNCHER %s %d\n", word, code);
	result = value;
	g_main_loop_quit(loop);
}

static void on_abort(txScreen *screen, int status)
{
	(void)screen;
	end("abort", status, ABORTED);
}

static void on_buffer(txScreen *screen)
{
	(void)screen;
}

static void on_post(txScreen *screen, char *message, int size)
{
	(void)screen;
	(void)message;
	(void)size;
}

static gboolean on_idle(gpointer screen)
{
	if (((txScreen *)screen)->idle != NULL)
		((txScreen *)screen)->idle(screen);
	return TRUE;
}

static void on_start(txScreen *screen, double interval)
{
	(void)interval;
	if (idle == 0)
		idle = g_timeout_add(100, on_idle, screen);
}

static void on_stop(txScreen *screen)
{
	(void)screen;
	if (idle != 0)
		g_source_remove(idle);
	idle = 0;
}

static gboolean on_timeout(gpointer unused)
{
	(void)unused;
	end("timeout", 0, TIMEOUT);
	return FALSE;
}

int main(int count, char **arguments)
{
	void *library = count == 3 ? dlopen(arguments[1], RTLD_NOW) : NULL;
	txScreenLaunchProc launch = NULL;
	txScreen *screen = calloc(1, sizeof(txScreen) + SIDE * SIDE * screenBytesPerPixel);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (library != NULL)
		*(void **)&launch = dlsym(library, "fxScreenLaunch");
	if (launch == NULL || screen == NULL) {
		fprintf(stderr, "usage: launcher mc.so SECONDS (%s)\n", library == NULL && count == 3 ? dlerror() : "");
		return UNUSABLE;
	}
	screen->width = screen->height = SIDE;
	screen->abort = on_abort;
	screen->bufferChanged = screen->formatChanged = on_buffer;
	screen->post = on_post;
	screen->start = on_start;
	screen->stop = on_stop;
	g_mutex_init(&screen->workersMutex);
	loop = g_main_loop_new(NULL, FALSE);
	g_timeout_add_seconds((guint)atoi(arguments[2]), on_timeout, NULL);
	launch(screen);
	if (result == 0)
		g_main_loop_run(loop);
	return result;
}
