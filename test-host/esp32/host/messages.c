/* The queue of the machine's task, as long as the SDK's. */
#include "xs.h"
#include "xsHost.h"
#include "stand-in.h"

#define QUEUE_LENGTH 10

typedef struct {
	modMessageDeliver callback;
	void* refcon;
} Message;

static Message queue[QUEUE_LENGTH];
static int waiting = 0;

int modMessagePostToMachineFromISR(xsMachine* the, modMessageDeliver callback, void* refcon)
{
	if (!the)
		standInFail("a message to no machine");
	if (!rtosInCritical() && !rtosInInterrupt())
		standInFail("a function for interrupts called outside of one, and of a critical section");
	if (waiting == QUEUE_LENGTH)
		return -1;
	queue[waiting].callback = callback;
	queue[waiting].refcon = refcon;
	waiting++;
	return 0;
}

int messagesDeliver(void* the, int most)
{
	int count = 0;
	while (waiting && (count < most)) {
		Message message = queue[0];
		int i;
		for (i = 1; i < waiting; i++)
			queue[i - 1] = queue[i];
		waiting--;
		message.callback(the, message.refcon, NULL, 0);
		count++;
	}
	return count;
}

int messagesWaiting(void)
{
	return waiting;
}

static void nothing(void* the, void* refcon, uint8_t* message, uint16_t messageLength)
{
	(void)the, (void)refcon, (void)message, (void)messageLength;
}

void messagesFill(int free)
{
	while (waiting < QUEUE_LENGTH - free) {
		queue[waiting].callback = nothing;
		queue[waiting].refcon = NULL;
		waiting++;
	}
}
