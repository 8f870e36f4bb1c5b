/* `timer` and `time`: the scheduler that owns the simulated time calls back; here stand the callbacks. */
#include "natives.h"

#include <math.h>
#include <sys/time.h>

typedef struct TimerRecord TimerRecord;
struct TimerRecord {
	TimerRecord* next;
	xsSlot self;
	xsSlot callback;
	uint32_t id;
	int repeats;
	int scheduled;
};

static TimerRecord* firstTimer = NULL;
static uint32_t lastId = 0;
static double dateOffsetMs = 0;

Inputs inputs;

static void markTimer(xsMachine* the, void* it, xsMarkRoot markRoot)
{
	TimerRecord* timer = it;
	if (timer)
		(*markRoot)(the, &timer->callback);
}

void xs_timer_destructor(void* data)
{
	free(data);
}

const xsHostHooks timerHooks = { xs_timer_destructor, markTimer, NULL };

static double duration(xsMachine* the, int index, double fallback)
{
	double ms = nativeNumberArgument(the, index, fallback);
	if (isnan(ms) || (ms < 0) || (ms > 4294967295.0))
		xsRangeError("invalid interval");
	return floor(ms);
}

static void putSetTimer(TimerRecord* timer, double ms, double repeatMs)
{
	Bytes* bytes = actionBegin(ACTION_SET_TIMER);
	bytesPut32(bytes, timer->id);
	bytesPutDouble(bytes, ms);
	bytesPutDouble(bytes, timer->repeats ? repeatMs : -1);
}

static void newTimer(xsMachine* the, double ms, double repeatMs)
{
	TimerRecord* timer;
	if (!xsmcIsCallable(xsArg(0)))
		xsTypeError("callback is no function");
	xsResult = xsNewHostObject(NULL);
	timer = calloc(1, sizeof(TimerRecord));
	if (!timer)
		exit(3);
	timer->callback = xsArg(0);
	timer->callback.data[0] = NULL;
	timer->id = ++lastId;
	timer->repeats = repeatMs > 0;
	timer->scheduled = 1;
	timer->self = xsResult;
	xsSetHostHooks(xsResult, (xsHostHooks*)&timerHooks);
	xsmcSetHostData(xsResult, timer);
	xsRemember(timer->self);
	timer->next = firstTimer;
	firstTimer = timer;
	putSetTimer(timer, ms, repeatMs);
}

static void removeTimer(xsMachine* the, TimerRecord* timer)
{
	TimerRecord** address = &firstTimer;
	while (*address != timer)
		address = &(*address)->next;
	*address = timer->next;
	xsForget(timer->self);
	xsmcSetHostData(timer->self, NULL);
	free(timer);
}

static TimerRecord* findTimer(uint32_t id)
{
	TimerRecord* timer = firstTimer;
	while (timer && (timer->id != id))
		timer = timer->next;
	return timer;
}

void xs_timer_set(xsMachine* the)
{
	newTimer(the, duration(the, 1, 0), duration(the, 2, 0));
}

void xs_timer_repeat(xsMachine* the)
{
	double ms = duration(the, 1, 0);
	newTimer(the, ms, ms);
}

static TimerRecord* argumentTimer(xsMachine* the)
{
	if (xsGetHostHooks(xsArg(0)) != &timerHooks)
		xsTypeError("no timer");
	return xsmcGetHostData(xsArg(0));
}

void xs_timer_schedule(xsMachine* the)
{
	TimerRecord* timer = argumentTimer(the);
	double ms = duration(the, 1, 0);
	double repeatMs = duration(the, 2, 0);
	if (!timer)
		xsUnknownError("timer is cleared");
	timer->repeats = repeatMs > 0;
	timer->scheduled = 1;
	putSetTimer(timer, ms, repeatMs);
}

void xs_timer_clear(xsMachine* the)
{
	TimerRecord* timer;
	if (!xsmcArgc || (xsmcTypeOf(xsArg(0)) == xsUndefinedType) || (xsmcTypeOf(xsArg(0)) == xsNullType))
		return;
	timer = argumentTimer(the);
	if (!timer)
		return;
	bytesPut32(actionBegin(ACTION_CLEAR_TIMER), timer->id);
	removeTimer(the, timer);
}

void timerFired(xsMachine* the, uint32_t id)
{
	TimerRecord* timer = findTimer(id);
	if (!timer)
		return;
	timer->scheduled = timer->repeats;
	xsCallFunction1(timer->callback, xsGlobal, timer->self);
	timer = findTimer(id);
	if (timer && !timer->scheduled)
		removeTimer(the, timer);
}

static int32_t ticks(void)
{
	return (int32_t)(uint32_t)((uint64_t)inputs.nowMs + settings.ticksOffset);
}

void xs_time_ticks(xsMachine* the)
{
	xsmcSetInteger(xsResult, ticks());
}

void xs_time_delta(xsMachine* the)
{
	int32_t start = xsmcToInteger(xsArg(0));
	int32_t end = (xsmcArgc > 1) && (xsmcTypeOf(xsArg(1)) != xsUndefinedType) ? xsmcToInteger(xsArg(1)) : ticks();
	xsmcSetInteger(xsResult, (int32_t)((uint32_t)end - (uint32_t)start));
}

void dateSetEpoch(double ms)
{
	dateOffsetMs = ms;
}

double dateEpoch(void)
{
	return dateOffsetMs;
}

void xs_time_set(xsMachine* the)
{
	dateOffsetMs = xsmcToNumber(xsArg(0)) * 1000 - inputs.nowMs;
}

/* `Date` before `Time.set`: a device starts in 1970. */
int hostTimeOfDay(struct timeval* now, void* zone)
{
	double ms = floor(inputs.nowMs + dateOffsetMs);
	(void)zone;
	now->tv_sec = (time_t)floor(ms / 1000);
	now->tv_usec = (suseconds_t)((ms - (double)now->tv_sec * 1000) * 1000);
	return 0;
}
