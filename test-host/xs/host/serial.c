/*
 * `embedded:io/serial` over the simulated UARTs. The bytes that were received lie here, outside the
 * heap, as in the FIFO or the driver's ring of a device.
 */
#include "natives.h"

typedef struct {
	xsSlot self;
	xsSlot onReadable, onWritable, onError;
	int numbers;
	uint8_t port;
} Serial;

typedef struct {
	Serial* open;
	Bytes received;
	size_t taken;
} Uart;

static Uart uarts[PORT_COUNT];

static Bytes* portAction(uint8_t kind, uint8_t port)
{
	Bytes* bytes = actionBegin(kind);
	bytesPut8(bytes, port);
	return bytes;
}

static void forget(Uart* uart)
{
	bytesClear(&uart->received);
	uart->taken = 0;
}

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
	Serial* serial = data;
	if (serial && (uarts[serial->port].open == serial))
		uarts[serial->port].open = NULL;
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
	double baud, port;
	memset(&made, 0, sizeof(made));
	/* The main module has the name; interned here, it would be missing from what loading takes. */
	xsmcGet(value, xsArg(0), xsID("port"));
	port = (xsmcTypeOf(value) == xsUndefinedType) ? PORT_MODULE : xsmcToNumber(value);
	if ((port != PORT_MODULE) && !((port == PORT_CONSOLE) && settings.console))
		xsRangeError("invalid port");
	made.port = (uint8_t)port;
	if (uarts[made.port].open)
		xsUnknownError("in use");
	xsmcGet(value, xsArg(0), names.baud);
	baud = (xsmcTypeOf(value) == xsUndefinedType) ? 115200 : xsmcToNumber(value);
	if (!((1 <= baud) && (baud <= 20000000)))
		xsRangeError("invalid baud");
	xsmcGet(value, xsArg(0), names.format);
	if (xsmcTypeOf(value) != xsUndefinedType)
		setFormat(the, &made, &value);
	nativeGetCallback(the, &xsArg(0), names.onReadable, &made.onReadable);
	nativeGetCallback(the, &xsArg(0), names.onWritable, &made.onWritable);
	if (settings.headroom[made.port])
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
	uarts[serial->port].open = serial;
	forget(&uarts[serial->port]);
	bytesPut32(portAction(ACTION_OPEN, serial->port), (uint32_t)baud);
}

void xs_serial_close(xsMachine* the)
{
	Serial* serial = xsmcGetHostData(xsThis);
	if (!serial)
		return;
	portAction(ACTION_CLOSE, serial->port);
	xsForget(serial->self);
	xsmcSetHostData(xsThis, NULL);
	uarts[serial->port].open = NULL;
	forget(&uarts[serial->port]);
	free(serial);
}

static void noteTaken(uint8_t port, size_t count)
{
	Uart* uart = &uarts[port];
	uart->taken += count;
	if (uart->taken == uart->received.length)
		forget(uart);
	bytesPut32(portAction(ACTION_READ, port), (uint32_t)count);
}

void xs_serial_read(xsMachine* the)
{
	Serial* serial = thisSerial(the);
	Uart* uart = &uarts[serial->port];
	const uint8_t* first = uart->received.data + uart->taken;
	size_t available = uart->received.length - uart->taken;
	size_t count = available;
	if (!available)
		return;
	if (serial->numbers) {
		xsmcSetInteger(xsResult, *first);
		noteTaken(serial->port, 1);
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
		memcpy(view, first, count);
		xsmcSetInteger(xsResult, (xsIntegerValue)count);
		noteTaken(serial->port, count);
		return;
	}
	if (xsmcArgc > 0) {
		double asked = xsmcToNumber(xsArg(0));
		/* A device reads stale FIFO contents here; nothing should ask for that. */
		if (!((0 < asked) && (asked <= (double)available)))
			xsRangeError("read beyond what was received");
		count = (size_t)asked;
	}
	xsmcSetArrayBuffer(xsResult, (void*)first, (xsIntegerValue)count);
	noteTaken(serial->port, count);
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
	if (length > inputs.transmitRoom[serial->port])
		xsUnknownError("output full");
	inputs.transmitRoom[serial->port] -= length;
	if (length)
		bytesPutBlock(portAction(ACTION_WRITE, serial->port), data, length);
}

void xs_serial_get_format(xsMachine* the)
{
	xsmcSetString(xsResult, thisSerial(the)->numbers ? "number" : "buffer");
}

void xs_serial_set_format(xsMachine* the)
{
	setFormat(the, thisSerial(the), &xsArg(0));
}

/* Undefined on a stock port beside a buffered one, where the class is one for both. */
void xs_serial_headroom(xsMachine* the)
{
	Serial* serial = xsmcGetHostData(xsThis);
	uint32_t headroom = settings.headroom[serial ? serial->port : PORT_MODULE];
	if (headroom)
		xsmcSetInteger(xsResult, (xsIntegerValue)headroom);
}

int serialIsOpen(uint8_t port)
{
	return uarts[port].open != NULL;
}

uint32_t serialBuffered(uint8_t port)
{
	return (uint32_t)(uarts[port].received.length - uarts[port].taken);
}

void serialReadable(xsMachine* the, uint8_t port, const uint8_t* data, uint32_t length)
{
	Serial* serial = uarts[port].open;
	if (!serial)
		return;
	bytesPut(&uarts[port].received, data, length);
	if (xsmcTypeOf(serial->onReadable) != xsUndefinedType)
		xsCallFunction1(serial->onReadable, serial->self, xsInteger((xsIntegerValue)serialBuffered(port)));
}

void serialWritable(xsMachine* the, uint8_t port, uint32_t room)
{
	Serial* serial = uarts[port].open;
	inputs.transmitRoom[port] = room;
	if (serial && (xsmcTypeOf(serial->onWritable) != xsUndefinedType))
		xsCallFunction1(serial->onWritable, serial->self, xsInteger((xsIntegerValue)room));
}

void serialOverrun(xsMachine* the, uint8_t port)
{
	Serial* serial = uarts[port].open;
	if (serial && (xsmcTypeOf(serial->onError) != xsUndefinedType))
		xsCallFunction0(serial->onError, serial->self);
}
