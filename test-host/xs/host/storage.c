/* `embedded:storage/flash` on a NOR partition in host memory, and `Resource`, which points into it. */
#include "natives.h"

#define BLOCK_BYTES 4096

typedef struct {
	int writable;
} Flash;

typedef struct ResourceData ResourceData;
struct ResourceData {
	ResourceData* next;
	char* name;
	uint8_t* data;
	size_t length;
};

static uint8_t* flash = NULL;
static size_t flashLength = 0;
static ResourceData* firstResource = NULL;

void storageSetFlash(const uint8_t* data, size_t length)
{
	flash = malloc(length ? length : 1);
	if (!flash)
		exit(3);
	memcpy(flash, data, length);
	flashLength = length;
}

void storageGetFlash(const uint8_t** data, size_t* length)
{
	*data = flash;
	*length = flashLength;
}

void storageAddResource(const char* name, const uint8_t* data, size_t length)
{
	ResourceData* resource = calloc(1, sizeof(ResourceData));
	if (!resource)
		exit(3);
	resource->name = strdup(name);
	resource->data = malloc(length ? length : 1);
	if (!resource->name || !resource->data)
		exit(3);
	memcpy(resource->data, data, length);
	resource->length = length;
	resource->next = firstResource;
	firstResource = resource;
}

void xs_flash_destructor(void* data)
{
	free(data);
}

static Flash* thisFlash(xsMachine* the)
{
	Flash* it = xsmcGetHostData(xsThis);
	if (!it)
		xsUnknownError("closed");
	return it;
}

void xs_flash(xsMachine* the)
{
	Flash* it;
	xsSlot value;
	int writable = 1;
	if (!flashLength)
		xsUnknownError("no partition");
	xsmcGet(value, xsArg(0), names.mode);
	if (xsmcTypeOf(value) != xsUndefinedType)
		writable = strcmp(xsmcToString(value), "r") != 0;
	it = calloc(1, sizeof(Flash));
	if (!it)
		exit(3);
	it->writable = writable;
	xsmcSetHostData(xsThis, it);
}

static size_t argumentOffset(xsMachine* the, int index, size_t count)
{
	double offset = nativeNumberArgument(the, index, -1);
	if (!((0 <= offset) && (offset + (double)count <= (double)flashLength)))
		xsRangeError("invalid offset");
	return (size_t)offset;
}

void xs_flash_read(xsMachine* the)
{
	thisFlash(the);
	if (xsmcTypeOf(xsArg(0)) == xsReferenceType) {
		void* view;
		xsUnsignedValue length;
		size_t offset;
		xsmcGetBufferWritable(xsArg(0), &view, &length);
		offset = argumentOffset(the, 1, length);
		memcpy(view, flash + offset, length);
		xsmcSetInteger(xsResult, (xsIntegerValue)length);
	}
	else {
		double count = xsmcToNumber(xsArg(0));
		size_t offset;
		if (!((0 <= count) && (count <= (double)flashLength)))
			xsRangeError("invalid length");
		offset = argumentOffset(the, 1, (size_t)count);
		xsmcSetArrayBuffer(xsResult, flash + offset, (xsIntegerValue)count);
	}
}

void xs_flash_write(xsMachine* the)
{
	Flash* it = thisFlash(the);
	void* data;
	xsUnsignedValue length, i;
	size_t offset;
	if (!it->writable)
		xsUnknownError("read only");
	xsmcGetBufferReadable(xsArg(0), &data, &length);
	offset = argumentOffset(the, 1, length);
	for (i = 0; i < length; i++)
		flash[offset + i] &= ((uint8_t*)data)[i];
}

void xs_flash_erase(xsMachine* the)
{
	Flash* it = thisFlash(the);
	double start = xsmcToNumber(xsArg(0));
	double end = nativeNumberArgument(the, 1, start + 1);
	double blocks = (double)(flashLength / BLOCK_BYTES);
	if (!it->writable)
		xsUnknownError("read only");
	if (!((0 <= start) && (start < end) && (end <= blocks)))
		xsRangeError("invalid block");
	memset(flash + (size_t)start * BLOCK_BYTES, 0xFF, ((size_t)end - (size_t)start) * BLOCK_BYTES);
}

void xs_flash_status(xsMachine* the)
{
	xsSlot value;
	thisFlash(the);
	xsmcSetNewObject(xsResult);
	xsmcSetInteger(value, (xsIntegerValue)flashLength);
	xsmcSet(xsResult, names.size, value);
	xsmcSetInteger(value, (xsIntegerValue)(flashLength / BLOCK_BYTES));
	xsmcSet(xsResult, names.blocks, value);
	xsmcSetInteger(value, BLOCK_BYTES);
	xsmcSet(xsResult, names.blockLength, value);
}

void xs_flash_close(xsMachine* the)
{
	Flash* it = xsmcGetHostData(xsThis);
	xsmcSetHostData(xsThis, NULL);
	free(it);
}

/* Read-only memory of the host: nothing to free. */
void xs_resource_destructor(void* data)
{
	(void)data;
}

static ResourceData* findResource(const char* name)
{
	ResourceData* resource = firstResource;
	while (resource && strcmp(resource->name, name))
		resource = resource->next;
	return resource;
}

void xs_resource(xsMachine* the)
{
	ResourceData* resource = findResource(xsmcToString(xsArg(0)));
	if (!resource)
		xsURIError("resource not found");
	xsmcSetHostBuffer(xsThis, resource->data, (xsIntegerValue)resource->length);
	xsmcPetrifyHostBuffer(xsThis);
}

void xs_resource_exists(xsMachine* the)
{
	xsmcSetBoolean(xsResult, findResource(xsmcToString(xsArg(0))) != NULL);
}

void xs_resource_length(xsMachine* the)
{
	xsmcSetInteger(xsResult, xsmcGetHostBufferLength(xsThis));
}

void xs_resource_slice(xsMachine* the)
{
	uint8_t* data = xsmcGetHostData(xsThis);
	double length = xsmcGetHostBufferLength(xsThis);
	double begin = nativeNumberArgument(the, 0, 0);
	double end = nativeNumberArgument(the, 1, length);
	int copy = (xsmcArgc > 2) ? xsmcToBoolean(xsArg(2)) : 1;
	if (!((0 <= begin) && (begin <= end) && (end <= length)))
		xsRangeError("out of range");
	if (copy)
		xsmcSetArrayBuffer(xsResult, data + (size_t)begin, (xsIntegerValue)(end - begin));
	else {
		xsResult = xsNewHostObject(NULL);
		xsmcSetHostBuffer(xsResult, data + (size_t)begin, (xsIntegerValue)(end - begin));
		xsmcPetrifyHostBuffer(xsResult);
	}
}
