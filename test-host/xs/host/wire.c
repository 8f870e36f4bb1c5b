/* Frames over stdin and stdout; main.c tells what they are. */
#include "xs.h"
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

Bytes answer;

static void readFully(uint8_t* data, size_t length)
{
	while (length) {
		ssize_t count = read(0, data, length);
		if (count > 0) {
			data += count;
			length -= (size_t)count;
		}
		else if ((count == 0) || (errno != EINTR))
			_exit(0);
	}
}

uint8_t receiveFrame(Bytes* frame, Cursor* cursor)
{
	uint8_t head[5];
	uint32_t length;
	readFully(head, 5);
	length = (uint32_t)head[0] | ((uint32_t)head[1] << 8) | ((uint32_t)head[2] << 16) | ((uint32_t)head[3] << 24);
	bytesClear(frame);
	if (frame->capacity < length) {
		free(frame->data);
		frame->data = malloc(length);
		if (!frame->data)
			exit(3);
		frame->capacity = length;
	}
	readFully(frame->data, length);
	cursor->at = frame->data;
	cursor->end = frame->data + length;
	return head[4];
}

void answerBegin(uint8_t letter)
{
	bytesClear(&answer);
	bytesPut32(&answer, 0);
	bytesPut8(&answer, letter);
}

void answerSend(void)
{
	uint32_t length = (uint32_t)(answer.length - 5);
	const uint8_t* data = answer.data;
	size_t rest = answer.length;
	answer.data[0] = (uint8_t)length;
	answer.data[1] = (uint8_t)(length >> 8);
	answer.data[2] = (uint8_t)(length >> 16);
	answer.data[3] = (uint8_t)(length >> 24);
	while (rest) {
		ssize_t count = write(1, data, rest);
		if (count > 0) {
			data += count;
			rest -= (size_t)count;
		}
		else if (errno != EINTR)
			_exit(0);
	}
}

void hostAsk(Bytes* request, Cursor* cursor)
{
	static Bytes served;
	answerBegin('S');
	bytesPut(&answer, request->data, request->length);
	answerSend();
	if (receiveFrame(&served, cursor) != 'S')
		exit(3);
}
