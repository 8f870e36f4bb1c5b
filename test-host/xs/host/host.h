/*
 * The XS host program: runs firmware in the XS engine with the memory of an ESP32, turn by turn,
 * steered over stdin and stdout. See main.c for the frames.
 */
#ifndef __XS_HOST__
#define __XS_HOST__

#include <stddef.h>
#include <stdint.h>

/* A growing byte buffer outside the JavaScript heap. */
typedef struct {
	uint8_t* data;
	size_t length;
	size_t capacity;
} Bytes;

void bytesClear(Bytes* bytes);
void bytesPut(Bytes* bytes, const void* data, size_t length);
void bytesPut8(Bytes* bytes, uint8_t value);
void bytesPut32(Bytes* bytes, uint32_t value);
void bytesPutDouble(Bytes* bytes, double value);
/* A length in 32 bits, then the bytes. */
void bytesPutBlock(Bytes* bytes, const void* data, size_t length);
void bytesPutText(Bytes* bytes, const char* text);

/* A read position in a received frame; reading past its end ends the program. */
typedef struct {
	const uint8_t* at;
	const uint8_t* end;
} Cursor;

uint8_t cursor8(Cursor* cursor);
uint32_t cursor32(Cursor* cursor);
double cursorDouble(Cursor* cursor);
const uint8_t* cursorBlock(Cursor* cursor, uint32_t* length);
/* To be freed. */
char* cursorText(Cursor* cursor);

/* UARTs: the console's and the module's. */
enum { PORT_CONSOLE, PORT_MODULE, PORT_COUNT };

/* Settings that Node sends before the modules. */
typedef struct {
	uint32_t slots;           /* fixed slot pool */
	uint32_t chunkBytes;      /* fixed chunk pool */
	uint32_t heapBytes;       /* one shared pool instead of the two; 0: two pools */
	uint32_t stackSlots;
	uint32_t computeLimit;    /* byte codes of one turn */
	uint32_t headroom[PORT_COUNT]; /* receiveHeadroom of the serial class; 0: stock class */
	uint8_t console;          /* whether the console's port can be opened */
	uint8_t wired;            /* control lines that the board has, by WIRED_ bits */
	uint32_t ticksOffset;     /* milliseconds that `ticks` is ahead of the simulated time */
} Settings;
extern Settings settings;

/* What a turn is told. */
typedef struct {
	double nowMs;
	uint8_t moduleStatus;
	uint32_t transmitRoom[PORT_COUNT];
} Inputs;
extern Inputs inputs;

enum {
	ACTION_READ, ACTION_WRITE, ACTION_OPEN, ACTION_CLOSE, ACTION_SET_TIMER, ACTION_CLEAR_TIMER, ACTION_LINE,
	ACTION_REPORT, ACTION_FEED
};

/* Control lines, and the bits of those that are wired. */
enum { LINE_POWER_KEY, LINE_RESET, LINE_WAKE };
enum { WIRED_POWER_KEY = 1, WIRED_RESET = 2, WIRED_STATUS = 4, WIRED_WAKE = 8 };

/* Appends an action's kind and time to the turn's answer; the caller appends its fields. */
Bytes* actionBegin(uint8_t kind);

/* Memory above the state after loading, and the counters. */
typedef struct {
	uint32_t budgetBytes, loadedBytes;
	uint32_t liveSlots, liveChunkBytes;
	uint32_t peakSlots, peakChunkBytes, livePeakBytes;
	uint32_t collections, stackPeakSlots;
} MemoryFigures;

#ifdef __XSALL__
typedef txMachine HostMachine;
#else
typedef xsMachine HostMachine;
#endif

/* freeze.c */
#define MEMORY_KIND_COUNT 8
extern const char* const memoryKindNames[MEMORY_KIND_COUNT];
void memoryFreezeBuiltIns(HostMachine* the);
void heapFreezeFunctions(HostMachine* the);
void heapCountKinds(HostMachine* the, uint32_t* counts);

/* memory.c */
HostMachine* memoryCreateMachine(void);
void memoryMarkBare(HostMachine* the);
/* The state now is the baseline; from here on the budget holds. */
void memoryMarkLoaded(HostMachine* the);
void memoryLiftBudget(HostMachine* the);
void memoryFigures(HostMachine* the, MemoryFigures* figures);
uint32_t memoryCollections(void);
/* Bytes held and asked for by the allocation that failed; 0 when none did. */
void memoryNeeded(double* held, double* asked);
void memoryMeterBegin(HostMachine* the);
uint32_t memoryMeter(HostMachine* the);
void memoryMeterSet(HostMachine* the, uint32_t compute);
/* Counts of native kinds that loading left behind, in the order of memoryKindNames. */
void memoryKinds(HostMachine* the, uint32_t counts[MEMORY_KIND_COUNT]);

/* trace.c: "\n at function (module:0)" for each of the innermost calls */
void engineTrace(HostMachine* the, char* text, size_t size);

/* engine.c: the engine's calls upon its host */
void engineUnhandledException(HostMachine* the);
/* Promise jobs until none is left; a rejection that nobody handles ends the run. */
void engineRunJobs(HostMachine* the);

/* wire.c: frames */
extern Bytes answer;
uint8_t receiveFrame(Bytes* frame, Cursor* cursor);
void answerBegin(uint8_t letter);
void answerSend(void);
/* Asks Node to do something for the firmware; the answer is valid until the next question. */
void hostAsk(Bytes* request, Cursor* answer);

/* end.c: what a turn comes to */
enum { PHASE_LOADING, PHASE_TURN, PHASE_ENDED };
enum { OUTCOME_DONE, OUTCOME_ABORT, OUTCOME_END };
enum { END_SLEEP, END_RESTART, END_POWER_CUT };
extern HostMachine* hostMachine;
extern int hostPhase;
void turnBegin(HostMachine* the);
void turnEnd(void);
void answerMemory(void);
void answerDate(void);
void answerFlash(Cursor* cursor);
/* The text of the exception, with the functions that it passed. */
void exceptionText(HostMachine* the, char* text, size_t size);
/* Ends the run; `thrown`: the pending exception tells why. */
void hostAbort(HostMachine* the, const char* reason, int thrown) __attribute__((noreturn));
/* Ends the run as the firmware or the board wanted; `ms`: of a sleep. */
void hostEnd(HostMachine* the, uint8_t kind, double ms) __attribute__((noreturn));

/* main.c: asks Node for a module; 0 when there is none. Node adds what an import needs while loading only. */
int hostNeedModule(const char* name);

/* A view over this host buffer follows its length. */
void engineTrackLength(HostMachine* the, void* hostBuffer);

/* loader.c */
void loaderAdd(const char* name, const char* source, size_t length);
void loaderPutSizes(Bytes* bytes);
/* Key of the module that this byte code belongs to; -1 (no key) for none. */
int32_t loaderModuleOf(const uint8_t* code);
/* Text of the last module that could not be parsed; "" when none. */
extern char loaderError[512];
/* Which module imported what is not there; "" when none did. */
extern char loaderMissing[512];

/* natives */
void nativesIntern(HostMachine* the);
const char* nativeSource(const char* module);
typedef void (*NativeCallback)(HostMachine* the);
NativeCallback nativeCallback(const char* name);

void resourceAdd(const char* name, const uint8_t* data, size_t length);

/* flash.c */
void flashAdd(const char* label, const uint8_t* data, size_t length);
/* Power goes away after so many steps of the partition, or of all when the label is empty. */
void flashCut(const char* label, uint32_t after, int scatter, uint32_t seed);
int flashGet(const char* label, const uint8_t** data, size_t* length, uint32_t* steps);

/* service.c */
enum {
	SERVICE_TLS_OPEN, SERVICE_TLS_START, SERVICE_TLS_RECEIVE, SERVICE_TLS_WRITE, SERVICE_TLS_END,
	SERVICE_TLS_CLOSE, SERVICE_SIGN, SERVICE_KEY_GENERATE, SERVICE_KEY_OPEN, SERVICE_KEY_SIGN
};
void serviceSetText(const uint8_t* text, size_t length);
Bytes* serviceBegin(uint8_t kind);
/* Throws what Node says when it refuses; charges the steps that the work is said to take. */
void serviceAsk(HostMachine* the, Bytes* request, Cursor* answer);

/* Events into the natives. */
void serialReadable(HostMachine* the, uint8_t port, const uint8_t* data, uint32_t length);
uint32_t serialBuffered(uint8_t port);
int serialIsOpen(uint8_t port);
void serialWritable(HostMachine* the, uint8_t port, uint32_t room);
void serialOverrun(HostMachine* the, uint8_t port);
void timerFired(HostMachine* the, uint32_t id);
void messageReceived(HostMachine* the, const char* text);

/* timer.c: milliseconds since 1970 at simulated time 0, as the device's clock has it */
void dateSetEpoch(double ms);
double dateEpoch(void);

void randomSeed(uint32_t seed);

#endif
