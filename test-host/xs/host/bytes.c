/* Byte buffers and cursors of the host program; all numbers little-endian. */
#include "xs.h"
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytesClear(Bytes* bytes)
{
	bytes->length = 0;
}

void bytesPut(Bytes* bytes, const void* data, size_t length)
{
	if (bytes->length + length > bytes->capacity) {
		size_t capacity = bytes->capacity ? bytes->capacity : 4096;
		while (capacity < bytes->length + length)
			capacity *= 2;
		bytes->data = realloc(bytes->data, capacity);
		if (!bytes->data) {
			fprintf(stderr, "xs host: out of memory\n");
			exit(3);
		}
		bytes->capacity = capacity;
	}
	if (length)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void bytesPut8(Bytes* bytes, uint8_t value)
{
	bytesPut(bytes, &value, 1);
}

void bytesPut32(Bytes* bytes, uint32_t value)
{
	uint8_t data[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24) };
	bytesPut(bytes, data, 4);
}

void bytesPutDouble(Bytes* bytes, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, 8);
	bytesPut32(bytes, (uint32_t)bits);
	bytesPut32(bytes, (uint32_t)(bits >> 32));
}

void bytesPutBlock(Bytes* bytes, const void* data, size_t length)
{
	bytesPut32(bytes, (uint32_t)length);
	bytesPut(bytes, data, length);
}

void bytesPutText(Bytes* bytes, const char* text)
{
	bytesPutBlock(bytes, text, strlen(text));
}

static const uint8_t* take(Cursor* cursor, size_t length)
{
	const uint8_t* at = cursor->at;
	if ((size_t)(cursor->end - at) < length) {
		fprintf(stderr, "xs host: short frame\n");
		exit(3);
	}
	cursor->at += length;
	return at;
}

uint8_t cursor8(Cursor* cursor)
{
	return *take(cursor, 1);
}

uint32_t cursor32(Cursor* cursor)
{
	const uint8_t* p = take(cursor, 4);
	return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

double cursorDouble(Cursor* cursor)
{
	uint64_t bits = cursor32(cursor);
	double value;
	bits |= (uint64_t)cursor32(cursor) << 32;
	memcpy(&value, &bits, 8);
	return value;
}

const uint8_t* cursorBlock(Cursor* cursor, uint32_t* length)
{
	*length = cursor32(cursor);
	return take(cursor, *length);
}

char* cursorText(Cursor* cursor)
{
	uint32_t length;
	const uint8_t* data = cursorBlock(cursor, &length);
	char* text = malloc(length + 1);
	if (!text)
		exit(3);
	memcpy(text, data, length);
	text[length] = 0;
	return text;
}
