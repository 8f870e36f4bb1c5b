/* Stand-in: messages to a machine's task, as the SDK posts them on an ESP32. */
#ifndef STAND_IN_XSHOST_H
#define STAND_IN_XSHOST_H

typedef void (*modMessageDeliver)(void* the, void* refcon, uint8_t* message, uint16_t messageLength);
int modMessagePostToMachineFromISR(xsMachine* the, modMessageDeliver callback, void* refcon);

#endif
