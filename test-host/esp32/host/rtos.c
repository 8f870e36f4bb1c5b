/*
 * Tasks: each a thread, of which one runs at a time, as on one core. A task runs when it is notified,
 * at once, because its priority is above the machine's, unless the program holds tasks back (the other
 * core, or a task of higher priority, would do so).
 */
#include "stand-in.h"
#include "freertos/task.h"

#include <pthread.h>
#include <stdlib.h>

struct Task {
	struct Task* next;
	TaskFunction_t code;
	void* argument;
	pthread_t thread;
	uint32_t bits;
	int notified, waiting, running, ended;
	TickType_t ticks;
};

static pthread_mutex_t baton = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t passed = PTHREAD_COND_INITIALIZER;
static struct Task* tasks = NULL;
/* NULL: the machine's. */
static struct Task* current = NULL;
static int held = 0, interrupts = 0, critical = 0;

void standInEnterCritical(portMUX_TYPE* lock)
{
	if (lock->depth++)
		standInFail("a critical section within itself");
	critical++;
}

void standInExitCritical(portMUX_TYPE* lock)
{
	if (--lock->depth < 0)
		standInFail("a critical section was left that was not entered");
	critical--;
}

int rtosInCritical(void)
{
	return critical;
}

int rtosInInterrupt(void)
{
	return interrupts;
}

void rtosInterruptBegin(void)
{
	interrupts++;
}

void rtosInterruptEnd(int yield)
{
	interrupts--;
	if (yield && !interrupts)
		rtosRun();
}

static void* enter(void* argument)
{
	struct Task* task = argument;
	pthread_mutex_lock(&baton);
	while (current != task)
		pthread_cond_wait(&passed, &baton);
	task->code(task->argument);
	standInFail("a task returned");
}

static void pass(struct Task* to, struct Task* from)
{
	current = to;
	pthread_cond_broadcast(&passed);
	while (current != from)
		pthread_cond_wait(&passed, &baton);
}

static void sweep(void)
{
	struct Task** link = &tasks;
	while (*link) {
		struct Task* task = *link;
		if (task->ended) {
			*link = task->next;
			/* It has left the baton; its thread ends without touching anything. */
			pthread_mutex_unlock(&baton);
			pthread_join(task->thread, NULL);
			pthread_mutex_lock(&baton);
			free(task);
		}
		else
			link = &task->next;
	}
}

void rtosRun(void)
{
	struct Task* task;
	if (held || current || interrupts || critical)
		return;
	for (task = tasks; task;) {
		if (!task->ended && (!task->waiting || task->notified)) {
			pass(task, NULL);
			task = tasks;
		}
		else
			task = task->next;
	}
	sweep();
}

void rtosHold(int hold)
{
	held = hold;
	rtosRun();
}

void rtosTick(void)
{
	struct Task* task;
	for (task = tasks; task; task = task->next) {
		if (task->waiting && (task->ticks != portMAX_DELAY))
			task->waiting = 0;
	}
	rtosRun();
}

int rtosTaskCount(void)
{
	struct Task* task;
	int count = 0;
	for (task = tasks; task; task = task->next)
		count += !task->ended;
	return count;
}

__attribute__((constructor)) static void begin(void)
{
	pthread_mutex_lock(&baton);
}

BaseType_t xTaskCreate(TaskFunction_t code, const char* name, uint32_t stackBytes, void* argument,
	UBaseType_t priority, TaskHandle_t* handle)
{
	struct Task* task;
	if (standInFails("xTaskCreate"))
		return -1;
	standInCall("xTaskCreate %s %u %u", name, stackBytes, priority);
	task = calloc(1, sizeof(struct Task));
	task->code = code;
	task->argument = argument;
	task->next = tasks;
	tasks = task;
	*handle = task;
	if (pthread_create(&task->thread, NULL, enter, task))
		standInFail("no thread");
	rtosRun();
	return pdPASS;
}

void vTaskDelete(TaskHandle_t task)
{
	if (task)
		standInFail("a task is deleted by another");
	if (critical)
		standInFail("a task ends in a critical section");
	current->ended = 1;
	current = NULL;
	pthread_cond_broadcast(&passed);
	pthread_mutex_unlock(&baton);
	pthread_exit(NULL);
}

static struct Task* alive(TaskHandle_t handle)
{
	struct Task* task;
	for (task = tasks; task; task = task->next) {
		if ((task == handle) && !task->ended)
			return task;
	}
	standInFail("a task that has ended is notified");
}

static void notify(TaskHandle_t handle, uint32_t value)
{
	struct Task* task = alive(handle);
	task->bits |= value;
	task->notified = 1;
}

BaseType_t xTaskNotify(TaskHandle_t task, uint32_t value, eNotifyAction action)
{
	(void)action;
	if (interrupts || critical)
		standInFail("xTaskNotify where only an interrupt's functions may be called");
	notify(task, value);
	rtosRun();
	return pdPASS;
}

BaseType_t xTaskNotifyFromISR(TaskHandle_t task, uint32_t value, eNotifyAction action, BaseType_t* woken)
{
	(void)action;
	if (!interrupts)
		standInFail("xTaskNotifyFromISR outside of an interrupt");
	notify(task, value);
	*woken = pdTRUE;
	return pdPASS;
}

BaseType_t xTaskNotifyWait(uint32_t clearOnEntry, uint32_t clearOnExit, uint32_t* value, TickType_t ticks)
{
	struct Task* task = current;
	int notified;
	if (!task || critical)
		standInFail("only a task may wait, and not in a critical section");
	task->bits &= ~(task->notified ? 0 : clearOnEntry);
	if (!task->notified) {
		task->waiting = 1;
		task->ticks = ticks;
		pass(NULL, task);
		task->waiting = 0;
	}
	*value = task->bits;
	notified = task->notified;
	task->bits &= ~clearOnExit;
	task->notified = 0;
	return notified;
}
