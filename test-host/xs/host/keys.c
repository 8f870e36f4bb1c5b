/* `keys`: private keys, which Node makes, reads and uses, as a device's native code does. */
#include "natives.h"

/* The answer's bytes, or nothing when there are none. */
static void askForBytes(xsMachine* the, Bytes* request)
{
	Cursor answer;
	uint32_t length;
	const uint8_t* data;
	serviceAsk(the, request, &answer);
	data = cursorBlock(&answer, &length);
	if (length)
		xsmcSetArrayBuffer(xsResult, (void*)data, (xsIntegerValue)length);
}

static void putArgument(xsMachine* the, Bytes* request, int index)
{
	void* data;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(index), &data, &length);
	bytesPutBlock(request, data, length);
}

void xs_keys_generate(xsMachine* the)
{
	askForBytes(the, serviceBegin(SERVICE_KEY_GENERATE));
}

void xs_keys_open(xsMachine* the)
{
	Bytes* request = serviceBegin(SERVICE_KEY_OPEN);
	putArgument(the, request, 0);
	askForBytes(the, request);
}

void xs_keys_sign(xsMachine* the)
{
	Bytes* request = serviceBegin(SERVICE_KEY_SIGN);
	putArgument(the, request, 0);
	putArgument(the, request, 1);
	askForBytes(the, request);
}
