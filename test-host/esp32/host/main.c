/*
 * Runs a program of turns in XS on the C files of hosts/esp32, with the chip and its operating system
 * played by the files beside this one.
 *
 * Arguments: name=path of each native module's JavaScript. On stdin the source of a module whose default
 * export is a list of functions, each called as one turn of the machine; behind each, messages are
 * delivered until none is left. On stdout a line of JSON for each `driver.report(value)`. The program ends
 * with 0, or with what went wrong on stderr.
 */
#include "xs.h"
#include "xsmc.h"
#include "host.h"
#include "mc.xs.h"
#include "stand-in.h"

#include <stdlib.h>
#include <unistd.h>

#define MOST_MESSAGES 1000
#define NAMES 16

#define STAND_IN_KEY(NAME) xsIdentifier xsID_##NAME;
STAND_IN_KEYS(STAND_IN_KEY)
#undef STAND_IN_KEY

static char** nativeModules;
static char calls[16384] = "";
static char failing[NAMES][40];
static int leaves = 0, holdsMessages = 0;
static xsMachine* machine;

void standInFail(const char* format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "not on a device: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	fflush(stdout);
	_exit(5);
}

void standInCall(const char* format, ...)
{
	size_t length = strlen(calls);
	va_list arguments;
	va_start(arguments, format);
	if (length)
		calls[length++] = '\n';
	if ((size_t)vsnprintf(calls + length, sizeof(calls) - length, format, arguments) >= sizeof(calls) - length)
		standInFail("too many calls to keep");
	va_end(arguments);
}

int standInFails(const char* name)
{
	int i;
	for (i = 0; i < NAMES; i++) {
		if (!strcmp(failing[i], name)) {
			failing[i][0] = 0;
			return 1;
		}
	}
	return 0;
}

/* The checks of the compiler: byte code is kept to the end, as in flash. */
const char* __lsan_default_suppressions(void);
const char* __lsan_default_suppressions(void)
{
	return "leak:fxParserCode\n";
}

const char* __asan_default_options(void);
const char* __asan_default_options(void)
{
	return "print_suppressions=0";
}

/* What the program is given as `driver` */

static int integerArgument(xsMachine* the, int index, int fallback)
{
	if ((xsmcArgc <= index) || (xsmcTypeOf(xsArg(index)) == xsUndefinedType))
		return fallback;
	return xsmcToInteger(xsArg(index));
}

static int portArgument(xsMachine* the, int index)
{
	return integerArgument(the, index, 1);
}

static void driver_receive(xsMachine* the)
{
	void* data;
	xsUnsignedValue length;
	if (xsmcTypeOf(xsArg(0)) == xsStringType) {
		data = xsmcToString(xsArg(0));
		length = (xsUnsignedValue)strlen(data);
	}
	else
		xsmcGetBufferReadable(xsArg(0), &data, &length);
	lineReceive(portArgument(the, 1), data, length);
}

static void driver_send(xsMachine* the)
{
	static uint8_t data[65536];
	size_t most = (size_t)integerArgument(the, 0, sizeof(data));
	size_t count = lineSend(portArgument(the, 1), data, most);
	xsmcSetArrayBuffer(xsResult, data, (xsIntegerValue)count);
}

static void driver_heldBack(xsMachine* the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)lineHeldBack(portArgument(the, 0)));
}

static void driver_interrupts(xsMachine* the)
{
	lineInterrupts(portArgument(the, 1), xsmcTest(xsArg(0)));
}

static void driver_holdTasks(xsMachine* the)
{
	rtosHold(xsmcTest(xsArg(0)));
}

static void driver_holdMessages(xsMachine* the)
{
	holdsMessages = xsmcTest(xsArg(0));
}

static void driver_fillQueue(xsMachine* the)
{
	messagesFill(integerArgument(the, 0, 0));
}

static void driver_messages(xsMachine* the)
{
	xsmcSetInteger(xsResult, messagesWaiting());
}

static void driver_tasks(xsMachine* the)
{
	xsmcSetInteger(xsResult, rtosTaskCount());
}

static void driver_calls(xsMachine* the)
{
	xsmcSetString(xsResult, calls);
	calls[0] = 0;
}

static void driver_fail(xsMachine* the)
{
	int i;
	for (i = 0; i < NAMES; i++) {
		if (!failing[i][0]) {
			snprintf(failing[i], sizeof(failing[i]), "%s", xsmcToString(xsArg(0)));
			return;
		}
	}
	xsUnknownError("too many");
}

static void driver_collect(xsMachine* the)
{
	xsCollectGarbage();
}

/* The machine goes at the end of this turn, with what is open and what waits. */
static void driver_leave(xsMachine* the)
{
	(void)the;
	leaves = 1;
}

static void driver_print(xsMachine* the)
{
	printf("%s\n", xsmcToString(xsArg(0)));
}

static void driver_began(xsMachine* the)
{
	chipBegan(xsmcToInteger(xsArg(0)), (uint32_t)integerArgument(the, 1, 0));
}

#define DRIVER(NAME) "\tstatic " #NAME "(a, b) @ 'driver_" #NAME "'\n"
#define DRIVERS(ENTRY) \
	ENTRY(receive) ENTRY(send) ENTRY(heldBack) ENTRY(interrupts) ENTRY(holdTasks) ENTRY(holdMessages) \
	ENTRY(fillQueue) ENTRY(messages) ENTRY(tasks) ENTRY(calls) ENTRY(fail) ENTRY(collect) ENTRY(leave) ENTRY(print) \
	ENTRY(began)

static const char driverSource[] = "class Driver {\n" DRIVERS(DRIVER)
	"	static report(value) { Driver.print(JSON.stringify(value === undefined ? null : value)); }\n"
	"}\n"
	"export default Driver;\n";

/* What the loader asks */

#define NATIVE(NAME) extern void NAME(xsMachine* the);
#define SERIALS(ENTRY) \
	ENTRY(xs_bufferedserial_constructor) ENTRY(xs_bufferedserial_close) ENTRY(xs_bufferedserial_read) \
	ENTRY(xs_bufferedserial_write) ENTRY(xs_bufferedserial_get_format) ENTRY(xs_bufferedserial_set_format)
#define CHIPS(ENTRY) \
	ENTRY(xs_chip_deepSleep) ENTRY(xs_chip_restart) ENTRY(xs_chip_wakeCause) ENTRY(xs_chip_address) ENTRY(xs_chip_startWatchdog) \
	ENTRY(xs_chip_feedWatchdog) ENTRY(xs_hardwarerandom_fill)
SERIALS(NATIVE)
CHIPS(NATIVE)
extern void xs_bufferedserial_destructor(void* data);

static const struct {
	const char* name;
	NativeCallback callback;
} functions[] = {
#define TABLE(NAME) { "driver_" #NAME, driver_##NAME },
	DRIVERS(TABLE)
#undef TABLE
#define TABLE(NAME) { #NAME, NAME },
	SERIALS(TABLE)
	CHIPS(TABLE)
#undef TABLE
	{ "xs_bufferedserial_destructor", (NativeCallback)(void (*)(void))xs_bufferedserial_destructor }
};

NativeCallback nativeCallback(const char* name)
{
	size_t i;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (!strcmp(functions[i].name, name))
			return functions[i].callback;
	}
	standInFail("no native function %s", name);
}

static char* readAll(FILE* file)
{
	size_t length = 0, capacity = 4096;
	char* text = malloc(capacity);
	size_t count;
	while ((count = fread(text + length, 1, capacity - length - 1, file)) > 0) {
		length += count;
		if (length == capacity - 1)
			text = realloc(text, capacity *= 2);
	}
	text[length] = 0;
	return text;
}

/* The loader copies it. */
const char* nativeSource(const char* module)
{
	static char* text = NULL;
	char** at;
	FILE* file;
	if (!strcmp(module, "driver"))
		return driverSource;
	for (at = nativeModules; *at; at++) {
		size_t length = strlen(module);
		if (strncmp(*at, module, length) || ((*at)[length] != '='))
			continue;
		file = fopen(*at + length + 1, "r");
		if (!file)
			standInFail("no file %s", *at);
		free(text);
		text = readAll(file);
		fclose(file);
		return text;
	}
	return NULL;
}

int hostNeedModule(const char* name)
{
	(void)name;
	return 0;
}

/* What the engine asks */

static void failWithException(xsMachine* the, const char* reason)
{
	xsSlot exception = xsException;
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", reason, xsmcToString(exception));
	_exit(4);
}

void hostAbort(xsMachine* the, const char* reason, int thrown)
{
	if (thrown)
		failWithException(the, reason);
	fprintf(stderr, "%s\n", reason);
	_exit(4);
}

int hostTimeOfDay(struct timeval* now, void* zone)
{
	(void)zone;
	now->tv_sec = 1700000000;
	now->tv_usec = 0;
	return 0;
}

uint32_t hostRandom(void)
{
	static uint32_t state = 1;
	return state = state * 1664525u + 1013904223u;
}

static xsMachine* createMachine(void)
{
	xsCreation creation = {
		256 * 1024, 64 * 1024, 8 * 1024, 1024, 4096, 4096, 1024, 1993, 127, 64 * 1024, 1993, 0,
	};
	return xsCreateMachine(&creation, "esp32", NULL);
}

/* Messages, and the ticks that a task waits for the queue to have room. */
static void deliverAll(void)
{
	int count = 0, idle = 0;
	while (!holdsMessages && (idle < 2)) {
		int delivered;
		if (count > MOST_MESSAGES)
			standInFail("messages without end");
		delivered = messagesDeliver(machine, 1);
		count += delivered;
		idle = delivered ? 0 : idle + 1;
		rtosTick();
	}
}

/* The program's turns, and how many. */
static xsSlot list;
static xsIntegerValue turns = 0;

static void load(char* program)
{
	static char failure[1024];
	loaderAdd("program", program, strlen(program));
	free(program);
	xsBeginHost(machine);
	{
		xsSlot slot;
#define STAND_IN_KEY(NAME) xsID_##NAME = xsID(#NAME);
		STAND_IN_KEYS(STAND_IN_KEY)
#undef STAND_IN_KEY
		xsTry {
			list = xsAwaitImport("program", XS_IMPORT_DEFAULT);
			xsRemember(list);
			xsmcGet(slot, list, xsID("length"));
			turns = xsmcToInteger(slot);
		}
		xsCatch {
			snprintf(failure, sizeof(failure), "%s", xsmcToString(xsException));
		}
	}
	xsEndHost(machine);
	if (failure[0]) {
		fprintf(stderr, "the program cannot be loaded: %s%s%s\n", failure, loaderMissing, loaderError);
		exit(3);
	}
}

static void callTurn(xsIntegerValue turn)
{
	xsBeginHost(machine);
	{
		xsSlot slot;
		xsmcGetIndex(slot, list, turn);
		xsCallFunction0(slot, xsGlobal);
	}
	xsEndHost(machine);
	engineRunJobs(machine);
}

int main(int count, char** arguments)
{
	xsIntegerValue turn;
	nativeModules = arguments + ((count > 0) ? 1 : 0);
	machine = createMachine();
	load(readAll(stdin));
	for (turn = 0; (turn < turns) && !leaves; turn++) {
		callTurn(turn);
		if (!leaves)
			deliverAll();
	}
	rtosHold(0);
	xsDeleteMachine(machine);
	/* A message that outlives the machine must find that there is nothing to do. */
	messagesDeliver(NULL, MOST_MESSAGES);
	rtosRun();
	if (rtosTaskCount())
		standInFail("a task is left behind");
	fflush(stdout);
	return 0;
}
