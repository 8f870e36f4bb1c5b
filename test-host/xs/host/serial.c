/*
 * `embedded:io/serial` over the simulated UART. The bytes that were received lie here, outside the
 * heap, as in the FIFO or the driver's ring of a device.
 */
#include "natives.h"

typedef struct {
	xsSlot self;
	xsSlot onReadable, onWritable, onError;
	int numbers;
} Serial;

static Serial* port = NULL;
static Bytes received;
static size_t taken;

static void markSerial(xsMachine* the, void* it, xsMarkRoot markRoot)
{
	Serial* serial = it;
	if (serial) {
		(*markRoot)(the, &serial->onReadable);
		(*markRoot)(the, &serial->onWritable);
		(*markRoot)(the, &serial->onError);
	}
}

void xs_serial_destructor(void* data)
{
	if (data && (data == port))
		port = NULL;
	free(data);
}

const xsHostHooks serialHooks = { xs_serial_destructor, markSerial, NULL };

static Serial* thisSerial(xsMachine* the)
{
	Serial* serial = xsmcGetHostData(xsThis);
	if (!serial)
		xsUnknownError("closed");
	return serial;
}

static void setFormat(xsMachine* the, Serial* serial, xsSlot* value)
{
	const char* text = xsmcToString(*value);
	if (!strcmp(text, "number"))
		serial->numbers = 1;
	else if (!strcmp(text, "buffer"))
		serial->numbers = 0;
	else
		xsRangeError("invalid format");
}

void xs_serial(xsMachine* the)
{
	Serial* serial;
	Serial made;
	xsSlot value;
	double baud;
	if (port)
		xsUnknownError("in use");
	memset(&made, 0, sizeof(made));
	xsmcGet(value, xsArg(0), names.baud);
	baud = (xsmcTypeOf(value) == xsUndefinedType) ? 115200 : xsmcToNumber(value);
	if (!((1 <= baud) && (baud <= 20000000)))
		xsRangeError("invalid baud");
	xsmcGet(value, xsArg(0), names.format);
	if (xsmcTypeOf(value) != xsUndefinedType)
		setFormat(the, &made, &value);
	nativeGetCallback(the, &xsArg(0), names.onReadable, &made.onReadable);
	nativeGetCallback(the, &xsArg(0), names.onWritable, &made.onWritable);
	if (settings.headroom)
		nativeGetCallback(the, &xsArg(0), names.onError, &made.onError);
	xsmcGet(value, xsArg(0), names.target);
	if (xsmcTypeOf(value) != xsUndefinedType)
		xsmcSet(xsThis, names.target, value);
	serial = malloc(sizeof(Serial));
	if (!serial)
		exit(3);
	*serial = made;
	serial->self = xsThis;
	xsSetHostHooks(xsThis, (xsHostHooks*)&serialHooks);
	xsmcSetHostData(xsThis, serial);
	xsRemember(serial->self);
	port = serial;
	bytesClear(&received);
	taken = 0;
	bytesPut32(actionBegin(ACTION_OPEN), (uint32_t)baud);
}

void xs_serial_close(xsMachine* the)
{
	Serial* serial = xsmcGetHostData(xsThis);
	if (!serial)
		return;
	actionBegin(ACTION_CLOSE);
	xsForget(serial->self);
	xsmcSetHostData(xsThis, NULL);
	port = NULL;
	free(serial);
	bytesClear(&received);
	taken = 0;
}

static void noteTaken(size_t count)
{
	taken += count;
	if (taken == received.length) {
		bytesClear(&received);
		taken = 0;
	}
	bytesPut32(actionBegin(ACTION_READ), (uint32_t)count);
}

void xs_serial_read(xsMachine* the)
{
	Serial* serial = thisSerial(the);
	size_t available = received.length - taken;
	size_t count = available;
	if (!available)
		return;
	if (serial->numbers) {
		xsmcSetInteger(xsResult, received.data[taken]);
		noteTaken(1);
		return;
	}
	if ((xsmcArgc > 0) && (xsmcTypeOf(xsArg(0)) == xsReferenceType)) {
		void* view;
		xsUnsignedValue length;
		xsmcGetBufferWritable(xsArg(0), &view, &length);
		if (count > length)
			count = length;
		if (!count) {
			xsmcSetInteger(xsResult, 0);
			return;
		}
		memcpy(view, received.data + taken, count);
		xsmcSetInteger(xsResult, (xsIntegerValue)count);
		noteTaken(count);
		return;
	}
	if (xsmcArgc > 0) {
		double asked = xsmcToNumber(xsArg(0));
		/* A device reads stale FIFO contents here; nothing should ask for that. */
		if (!((0 < asked) && (asked <= (double)available)))
			xsRangeError("read beyond what was received");
		count = (size_t)asked;
	}
	xsmcSetArrayBuffer(xsResult, received.data + taken, (xsIntegerValue)count);
	noteTaken(count);
}

void xs_serial_write(xsMachine* the)
{
	Serial* serial = thisSerial(the);
	void* data;
	uint8_t byte;
	xsUnsignedValue length;
	if (serial->numbers) {
		byte = (uint8_t)xsmcToInteger(xsArg(0));
		data = &byte;
		length = 1;
	}
	else
		xsmcGetBufferReadable(xsArg(0), &data, &length);
	if (length > inputs.transmitRoom)
		xsUnknownError("output full");
	inputs.transmitRoom -= length;
	if (length)
		bytesPutBlock(actionBegin(ACTION_WRITE), data, length);
}

void xs_serial_get_format(xsMachine* the)
{
	xsmcSetString(xsResult, thisSerial(the)->numbers ? "number" : "buffer");
}

void xs_serial_set_format(xsMachine* the)
{
	setFormat(the, thisSerial(the), &xsArg(0));
}

void xs_serial_headroom(xsMachine* the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)settings.headroom);
}

int serialIsOpen(void)
{
	return port != NULL;
}

uint32_t serialBuffered(void)
{
	return (uint32_t)(received.length - taken);
}

void serialReadable(xsMachine* the, const uint8_t* data, uint32_t length)
{
	if (!port)
		return;
	bytesPut(&received, data, length);
	if (xsmcTypeOf(port->onReadable) != xsUndefinedType)
		xsCallFunction1(port->onReadable, port->self, xsInteger((xsIntegerValue)serialBuffered()));
}

void serialWritable(xsMachine* the, uint32_t room)
{
	inputs.transmitRoom = room;
	if (port && (xsmcTypeOf(port->onWritable) != xsUndefinedType))
		xsCallFunction1(port->onWritable, port->self, xsInteger((xsIntegerValue)room));
}

void serialOverrun(xsMachine* the)
{
	if (port && (xsmcTypeOf(port->onError) != xsUndefinedType))
		xsCallFunction0(port->onError, port->self);
}
