/*
 * The TLS engine of the host: Node's OpenSSL. What an engine calls back with lies here, outside the
 * heap, and is seen through one view for each engine, which is empty outside of a callback.
 *
 * Callbacks run inside the call that caused them, one after another; what a callback itself causes
 * comes behind what is waiting.
 */
#include "natives.h"

#include <sys/time.h>

typedef struct Engine Engine;
struct Engine {
	Engine* next;
	xsSlot self, options, buffer, view;
	uint32_t id;
};

typedef struct Record Record;
struct Record {
	Record* next;
	uint32_t id, length;
	uint8_t kind;
	uint8_t data[];
};

enum { RECORD_TRANSMIT, RECORD_CONNECTED, RECORD_RECEIVED, RECORD_CLOSED, RECORD_FAILED };

static Engine* firstEngine = NULL;
static uint32_t lastEngine = 0;
static Record* firstRecord = NULL;
static Record** lastRecord = &firstRecord;
static int delivering = 0;

static void markEngine(xsMachine* the, void* it, xsMarkRoot markRoot)
{
	Engine* engine = it;
	if (engine) {
		(*markRoot)(the, &engine->options);
		(*markRoot)(the, &engine->buffer);
		(*markRoot)(the, &engine->view);
	}
}

void xs_tls_destructor(void* data)
{
	/* An engine is kept alive until it is closed; what is left belongs to a machine that ends. */
	(void)data;
}

static const xsHostHooks engineHooks = { xs_tls_destructor, markEngine, NULL };

static Engine* findEngine(uint32_t id)
{
	Engine* engine = firstEngine;
	while (engine && (engine->id != id))
		engine = engine->next;
	return engine;
}

static Engine* thisEngine(xsMachine* the)
{
	Engine* engine = xsmcGetHostData(xsThis);
	if (!engine)
		xsUnknownError("closed");
	return engine;
}

/* What the firmware's clock shows: certificates are judged by it. */
static void putDate(Bytes* request)
{
	struct timeval now;
	hostTimeOfDay(&now, NULL);
	bytesPutDouble(request, (double)now.tv_sec * 1000 + (double)(now.tv_usec / 1000));
}

static void queueRecords(Cursor* answer)
{
	while (answer->at < answer->end) {
		uint8_t kind = cursor8(answer);
		uint32_t id = cursor32(answer);
		uint32_t length;
		const uint8_t* data = cursorBlock(answer, &length);
		Record* record = malloc(sizeof(Record) + length + 1);
		if (!record)
			exit(3);
		record->next = NULL;
		record->kind = kind;
		record->id = id;
		record->length = length;
		memcpy(record->data, data, length);
		record->data[length] = 0;
		*lastRecord = record;
		lastRecord = &record->next;
	}
}

static void callBack(xsMachine* the, Engine* engine, Record* record)
{
	xsSlot options = engine->options;
	switch (record->kind) {
	case RECORD_TRANSMIT:
	case RECORD_RECEIVED:
		xsVar(0) = engine->buffer;
		xsVar(1) = engine->view;
		xsmcSetHostBuffer(xsVar(0), record->data, (xsIntegerValue)record->length);
		xsCall1(options, record->kind == RECORD_TRANSMIT ? names.transmit : names.received, xsVar(1));
		xsmcSetHostBuffer(xsVar(0), NULL, 0);
		break;
	case RECORD_CONNECTED:
		if (record->length == 2) {
			xsmcSetInteger(xsVar(1), record->data[0] | (record->data[1] << 8));
			xsCall1(options, names.connected, xsVar(1));
		}
		else
			xsCall0(options, names.connected);
		break;
	case RECORD_CLOSED:
		xsCall0(options, names.closed);
		break;
	case RECORD_FAILED:
		xsmcSetString(xsVar(1), (char*)record->data);
		xsCall1(options, names.failed, xsVar(1));
		break;
	}
}

static void deliver(xsMachine* the)
{
	Record* volatile record = NULL;
	if (delivering)
		return;
	delivering = 1;
	xsmcVars(2);
	xsTry {
		while (firstRecord) {
			Engine* engine;
			record = firstRecord;
			firstRecord = record->next;
			if (!firstRecord)
				lastRecord = &firstRecord;
			engine = findEngine(record->id);
			if (engine)
				callBack(the, engine, record);
			free(record);
			record = NULL;
		}
	}
	xsCatch {
		/* The rest comes with the next call. */
		delivering = 0;
		if (xsmcTypeOf(xsVar(0)) == xsReferenceType)
			xsmcSetHostBuffer(xsVar(0), NULL, 0);
		free(record);
		xsThrow(xsException);
	}
	delivering = 0;
}

static void ask(xsMachine* the, Bytes* request)
{
	Cursor answer;
	serviceAsk(the, request, &answer);
	queueRecords(&answer);
	deliver(the);
}

static Bytes* engineRequest(Engine* engine, uint8_t kind)
{
	Bytes* request = serviceBegin(kind);
	bytesPut32(request, engine->id);
	return request;
}

/* Reads through the interface, into the host's memory; a `read` may give less than was asked for. */
static void putCredential(xsMachine* the, Bytes* request, xsIdentifier name)
{
	static Bytes content;
	double length;
	size_t at = 0;
	xsmcGet(xsVar(2), xsArg(0), name);
	if (xsmcTypeOf(xsVar(2)) != xsReferenceType) {
		bytesPut8(request, 0);
		return;
	}
	xsmcGet(xsVar(3), xsVar(2), names.byteLength);
	length = xsmcToNumber(xsVar(3));
	if (!((0 < length) && (length <= 65536)))
		xsRangeError("a credential of %d bytes", (int)length);
	bytesClear(&content);
	while (content.length < (size_t)length)
		bytesPut8(&content, 0);
	while (at < content.length) {
		xsIntegerValue count;
		xsmcSetHostBuffer(xsVar(0), content.data + at, (xsIntegerValue)(content.length - at));
		xsVar(3) = xsCall2(xsVar(2), names.read, xsVar(1), xsInteger((xsIntegerValue)at));
		xsmcSetHostBuffer(xsVar(0), NULL, 0);
		count = xsmcToInteger(xsVar(3));
		if ((count <= 0) || ((size_t)count > content.length - at))
			xsUnknownError("a credential is shorter than it says");
		at += (size_t)count;
	}
	bytesPut8(request, 1);
	bytesPutBlock(request, content.data, content.length);
	memset(content.data, 0, content.length);
}

static void checkCallback(xsMachine* the, xsIdentifier name)
{
	xsSlot value;
	nativeGetCallback(the, &xsArg(0), name, &value);
	if (xsmcTypeOf(value) == xsUndefinedType)
		xsTypeError("a callback is missing");
}

void xs_tls(xsMachine* the)
{
	Engine* engine;
	Bytes* request;
	Cursor answer;
	uint32_t id = lastEngine + 1;
	checkCallback(the, names.transmit);
	checkCallback(the, names.connected);
	checkCallback(the, names.received);
	checkCallback(the, names.closed);
	checkCallback(the, names.failed);
	xsmcVars(4);
	xsVar(0) = xsNewHostObject(NULL);
	xsmcSetHostBuffer(xsVar(0), NULL, 0);
	engineTrackLength(the, &xsVar(0));
	xsVar(1) = xsNew1(xsGlobal, names.Uint8Array, xsVar(0));
	request = serviceBegin(SERVICE_TLS_OPEN);
	bytesPut32(request, id);
	putDate(request);
	xsmcGet(xsVar(2), xsArg(0), names.serverName);
	bytesPutText(request, xsmcToString(xsVar(2)));
	xsmcGet(xsVar(2), xsArg(0), names.verify);
	bytesPut8(request, (uint8_t)(xsmcTest(xsVar(2)) ? 1 : 0));
	putCredential(the, request, names.ca);
	putCredential(the, request, names.certificate);
	putCredential(the, request, names.key);
	serviceAsk(the, request, &answer);
	memset(request->data, 0, request->length);
	engine = calloc(1, sizeof(Engine));
	if (!engine)
		exit(3);
	engine->id = lastEngine = id;
	engine->options = xsArg(0);
	engine->buffer = xsVar(0);
	engine->view = xsVar(1);
	engine->self = xsThis;
	engine->options.data[0] = engine->buffer.data[0] = engine->view.data[0] = NULL;
	engine->next = firstEngine;
	firstEngine = engine;
	xsSetHostHooks(xsThis, (xsHostHooks*)&engineHooks);
	xsmcSetHostData(xsThis, engine);
	xsRemember(engine->self);
}

void xs_tls_start(xsMachine* the)
{
	Engine* engine = thisEngine(the);
	ask(the, engineRequest(engine, SERVICE_TLS_START));
}

static void give(xsMachine* the, uint8_t kind)
{
	Engine* engine = thisEngine(the);
	Bytes* request = engineRequest(engine, kind);
	void* data;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(0), &data, &length);
	putDate(request);
	bytesPutBlock(request, data, length);
	ask(the, request);
}

void xs_tls_receive(xsMachine* the)
{
	give(the, SERVICE_TLS_RECEIVE);
}

void xs_tls_write(xsMachine* the)
{
	give(the, SERVICE_TLS_WRITE);
}

void xs_tls_end(xsMachine* the)
{
	Engine* engine = thisEngine(the);
	ask(the, engineRequest(engine, SERVICE_TLS_END));
}

void xs_tls_close(xsMachine* the)
{
	Engine* engine = xsmcGetHostData(xsThis);
	Engine** address = &firstEngine;
	Cursor answer;
	if (!engine)
		return;
	while (*address != engine)
		address = &(*address)->next;
	*address = engine->next;
	xsForget(engine->self);
	xsmcSetHostData(xsThis, NULL);
	serviceAsk(the, engineRequest(engine, SERVICE_TLS_CLOSE), &answer);
	free(engine);
}
