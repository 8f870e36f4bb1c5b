/* `Resource`: read-only memory of the host, read in place. */
#include "natives.h"

typedef struct ResourceData ResourceData;
struct ResourceData {
	ResourceData* next;
	char* name;
	uint8_t* data;
	size_t length;
};

static ResourceData* firstResource = NULL;

void resourceAdd(const char* name, const uint8_t* data, size_t length)
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
