/* The device around the C files of hosts/esp32, on one thread at a time. */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <stddef.h>
#include <stdint.h>

/* Ends the program: the device's code did what a device would not survive. */
void standInFail(const char* format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A call upon the chip, for `driver.calls()`. */
void standInCall(const char* format, ...) __attribute__((format(printf, 1, 2)));
/* Whether the call of this name is to fail this time. */
int standInFails(const char* name);

/* rtos.c */
/* Lets every task run that can. They run by themselves unless held. */
void rtosRun(void);
void rtosHold(int held);
/* A tick passes: tasks that wait for no longer than that run. */
void rtosTick(void);
int rtosTaskCount(void);
int rtosInInterrupt(void);
void rtosInterruptBegin(void);
void rtosInterruptEnd(int yield);
int rtosInCritical(void);

/* messages.c: on the machine's task */
int messagesDeliver(void* the, int most);
int messagesWaiting(void);
void messagesFill(int free);

/* chip.c: why the chip began, as ESP-IDF numbers reasons and wake-up sources */
void chipBegan(int reason, uint32_t sources);

/* uart.c */
void lineReceive(int port, const uint8_t* data, size_t length);
size_t lineHeldBack(int port);
size_t lineSend(int port, uint8_t* data, size_t most);
void lineInterrupts(int port, int enabled);

#endif
