/*
 * The buffered serial class of the ESP32 on the UART driver of ESP-IDF 6.0 (SDK 8.2.3), described in
 * buffered-serial.d.ts. Hardware has not seen this file: it compiles against the headers of both, and
 * its logic runs in XS on the workstation, over stand-ins of the driver's functions (test-host/esp32).
 *
 * Interrupt -> notification bits of a small task -> one message at a time to the machine's own task,
 * which calls back. The task stands between because the interrupt may come while the flash cache is
 * off (CONFIG_UART_ISR_IN_IRAM), when posting a message, whose code lies in flash, would crash; and
 * because a message that finds the machine's queue full has to be posted again.
 */
#include "xsmc.h"
#include "mc.xs.h"
#include "xsHost.h"
#include "builtinCommon.h"
#include "esp_attr.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "driver/uart.h"
#include "driver/uart_select.h"

#define kReceiveBytes (4096)
#define kTransmitBytes (1024) /* announced as room; as much again may be on its way in the driver */
/* A write of up to kTransmitBytes fits the driver's empty ring without waiting, wherever the ring's
   pointers stand: it keeps a write in one piece, behind a header and a description. */
#define kTransmitRingBytes (2 * kTransmitBytes + 64)
#define kInterruptBytes (64) /* in the FIFO: its other half is the time to serve the interrupt */
#define kIdleCharacters (4)
#define kFlowControlBytes (96) /* in the FIFO, take RTS back; a module sends a few more before it heeds that */
#define kTaskStackBytes (2048)
#define kTaskPriority (10) /* above the machine's, 4: its message waits when a turn ends */

/* Sent: what was handed to the driver lies in the FIFO. The driver's only error, without parity, is the overrun. */
enum { kReadable = 1 << UART_SELECT_READ_NOTIF, kSent = 1 << UART_SELECT_WRITE_NOTIF,
	kOverrun = 1 << UART_SELECT_ERROR_NOTIF, kRoom = 1 << 3, kClosed = 1 << 4 };
enum { kTransmit, kReceive, kRTS, kCTS, kPinCount };
enum { kOnReadable, kOnWritable, kOnError, kCallbackCount };

typedef struct {
	xsSlot obj;
	xsMachine* the;
	xsSlot* callbacks[kCallbackCount];
	TaskHandle_t task;
	uint32_t events; /* these four within the critical section */
	uint8_t posted, closed;
	uint8_t useCount; /* the object, the task, the message */
	uint8_t port, format, sending, pinCount, pins[kPinCount];
	uint16_t room; /* as the program knows it */
	uint16_t staged; /* bytes behind the write that the driver holds */
	uint8_t staging[kTransmitBytes];
} SerialRecord, *Serial;

/* For the interrupt: in internal RAM, while a record may lie outside. */
static TaskHandle_t gTasks[SOC_UART_HP_NUM];

void xs_bufferedserial_destructor(void* data);

static void serialMark(xsMachine* the, void* it, xsMarkRoot markRoot)
{
	int i;
	for (i = 0; i < kCallbackCount; i++) {
		if (((Serial)it)->callbacks[i])
			(*markRoot)(the, ((Serial)it)->callbacks[i]);
	}
}

static const xsHostHooks serialHooks = { xs_bufferedserial_destructor, serialMark, NULL };

#define thisSerial() ((Serial)xsmcGetHostDataValidate(xsThis, (void*)&serialHooks))
#define wake(SERIAL, EVENTS) xTaskNotify((SERIAL)->task, EVENTS, eSetBits)

static void IRAM_ATTR serialNotify(uart_port_t port, uart_select_notif_t what, BaseType_t* woken)
{
	xTaskNotifyFromISR(gTasks[port], 1u << what, eSetBits, woken);
}

static void serialRelease(Serial serial)
{
	uint8_t left;
	builtinCriticalSectionBegin();
	left = --serial->useCount;
	builtinCriticalSectionEnd();
	if (!left)
		c_free(serial);
}

static void serialCall(Serial serial, int which, size_t count)
{
	if (serial->closed || !serial->callbacks[which])
		return;
	xsBeginHost(serial->the);
	xsmcSetInteger(xsResult, (xsIntegerValue)count);
	if (which == kOnError)
		xsCallFunction0(xsReference(serial->callbacks[which]), serial->obj);
	else
		xsCallFunction1(xsReference(serial->callbacks[which]), serial->obj, xsResult);
	xsEndHost(serial->the);
}

/* On the machine's task. The program may close the port in any of the calls. */
static void serialDeliver(void* the, void* refcon, uint8_t* message, uint16_t messageLength)
{
	Serial serial = refcon;
	uint32_t events;
	size_t count = 0;
	(void)the, (void)message, (void)messageLength;
	builtinCriticalSectionBegin();
	events = serial->events;
	serial->events = serial->posted = 0;
	builtinCriticalSectionEnd();
	if ((events & kSent) && !serial->closed) {
		serial->sending = (serial->staged > 0) && (uart_write_bytes(serial->port, serial->staging, serial->staged) > 0);
		serial->staged = 0;
	}
	if (events & kOverrun)
		serialCall(serial, kOnError, 0);
	if ((events & kReadable) && !serial->closed && !uart_get_buffered_data_len(serial->port, &count) && count)
		serialCall(serial, kOnReadable, count);
	if ((events & (kSent | kRoom)) && (serial->room < kTransmitBytes - serial->staged)) {
		serial->room = kTransmitBytes - serial->staged;
		serialCall(serial, kOnWritable, serial->room);
	}
	serialRelease(serial);
}

/* Posts within the critical section and without waiting: once closed, it touches nothing of the machine. */
static void serialTask(void* refcon)
{
	Serial serial = refcon;
	TickType_t wait = portMAX_DELAY;
	uint32_t events;
	do {
		events = 0;
		xTaskNotifyWait(0, UINT32_MAX, &events, wait);
		wait = portMAX_DELAY;
		builtinCriticalSectionBegin();
		serial->events |= events;
		if (serial->events && !serial->posted && !serial->closed) {
			serial->posted = 0 == modMessagePostToMachineFromISR(serial->the, serialDeliver, serial);
			serial->useCount += serial->posted;
			if (!serial->posted)
				wait = 1; /* the queue is full: again in a tick */
		}
		builtinCriticalSectionEnd();
	} while (!(events & kClosed));
	serialRelease(serial);
	vTaskDelete(NULL);
}

/* An option that is undefined is absent. */
static int integerOption(xsMachine* the, xsIdentifier id, int fallback, int least, int most, const char* what)
{
	xsSlot slot;
	int value = fallback;
	xsmcGet(slot, xsArg(0), id);
	if (xsmcTypeOf(slot) != xsUndefinedType) {
		value = builtinGetSignedInteger(the, &slot);
		if ((value < least) || (value > most))
			xsRangeError((char*)what);
	}
	return value;
}

static uint8_t checkFormat(xsMachine* the, uint8_t format)
{
	if ((kIOFormatNumber != format) && (kIOFormatBuffer != format))
		xsRangeError("invalid format");
	return format;
}

/* Nothing is touched before all options are known to be good. */
void xs_bufferedserial_constructor(xsMachine* the)
{
	const xsIdentifier pinIDs[kPinCount] = { xsID_transmit, xsID_receive, xsID_rts, xsID_cts };
	uart_config_t config = { .data_bits = UART_DATA_8_BITS, .parity = UART_PARITY_DISABLE, .stop_bits = UART_STOP_BITS_1 };
	Serial serial;
	xsSlot* callbacks[kCallbackCount];
	int pins[kPinCount], i, j, port;
	uint8_t format;
	for (i = 0; i < kPinCount; i++) {
		pins[i] = integerOption(the, pinIDs[i], UART_PIN_NO_CHANGE, 0, 255, "invalid pin");
		for (j = 0; (pins[i] >= 0) && (j <= i); j++) {
			if ((j < i) ? (pins[j] == pins[i]) : !builtinIsPinFree((uint32_t)pins[i]))
				xsUnknownError("in use");
		}
	}
	if ((pins[kTransmit] < 0) && (pins[kReceive] < 0))
		xsUnknownError("invalid");
	port = integerOption(the, xsID_port, 0, 0, SOC_UART_HP_NUM - 1, "invalid port");
	config.baud_rate = integerOption(the, xsID_baud, 0, 1, 20000000, "invalid baud");
	if (!config.baud_rate)
		xsRangeError("invalid baud");
	config.rx_flow_ctrl_thresh = (uint8_t)integerOption(the, xsID_threshold, kFlowControlBytes, 1,
		UART_HW_FIFO_LEN(port) - 1, "invalid threshold");
	config.flow_ctrl = ((pins[kRTS] < 0) ? 0 : UART_HW_FLOWCTRL_RTS) | ((pins[kCTS] < 0) ? 0 : UART_HW_FLOWCTRL_CTS);
	callbacks[kOnReadable] = builtinGetCallback(the, xsID_onReadable);
	callbacks[kOnWritable] = (pins[kTransmit] < 0) ? NULL : builtinGetCallback(the, xsID_onWritable);
	callbacks[kOnError] = builtinGetCallback(the, xsID_onError);
	format = checkFormat(the, builtinInitializeFormat(the, kIOFormatBuffer));
	if (uart_is_driver_installed(port))
		xsRangeError("port in use");
	builtinInitializeTarget(the);

	serial = c_calloc(1, sizeof(SerialRecord));
	if (!serial)
		xsRangeError("no memory");
	serial->obj = xsThis;
	serial->the = the;
	c_memcpy(serial->callbacks, callbacks, sizeof(callbacks));
	serial->port = (uint8_t)port;
	serial->format = format;
	serial->useCount = 2;
	if (pdPASS != xTaskCreate(serialTask, "serial", kTaskStackBytes, serial, kTaskPriority, &serial->task)) {
		c_free(serial);
		xsRangeError("no memory");
	}
	gTasks[port] = serial->task;
	if (uart_driver_install(port, kReceiveBytes, kTransmitRingBytes, 0, NULL, 0) || uart_param_config(port, &config)
		|| uart_set_rx_full_threshold(port, kInterruptBytes) || uart_set_rx_timeout(port, kIdleCharacters)
		|| uart_set_pin(port, pins[kTransmit], pins[kReceive], pins[kRTS], pins[kCTS])) {
		xs_bufferedserial_destructor(serial);
		xsUnknownError("uart failed");
	}
	for (i = 0; i < kPinCount; i++) {
		if (pins[i] >= 0) {
			builtinUsePin((uint32_t)pins[i]);
			serial->pins[serial->pinCount++] = (uint8_t)pins[i];
		}
	}
	xsmcSetHostData(xsThis, serial);
	xsSetHostHooks(xsThis, (xsHostHooks*)&serialHooks);
	xsRemember(serial->obj);
	uart_set_select_notif_callback(port, serialNotify);
	wake(serial, kReadable | kRoom);
}

/* What was not sent is dropped. Task and message keep the record until they have seen that it is closed. */
void xs_bufferedserial_destructor(void* data)
{
	Serial serial = data;
	if (!serial)
		return;
	builtinCriticalSectionBegin();
	serial->closed = 1;
	builtinCriticalSectionEnd();
	portENTER_CRITICAL(uart_get_selectlock());
	uart_set_select_notif_callback(serial->port, NULL);
	portEXIT_CRITICAL(uart_get_selectlock());
	uart_driver_delete(serial->port);
	for (; serial->pinCount; serial->pinCount--)
		builtinFreePin((uint32_t)serial->pins[serial->pinCount - 1]);
	wake(serial, kClosed);
	serialRelease(serial);
}

void xs_bufferedserial_close(xsMachine* the)
{
	Serial serial = xsmcGetHostData(xsThis);
	if (serial && thisSerial()) {
		xsForget(serial->obj);
		xs_bufferedserial_destructor(serial);
		xsmcSetHostData(xsThis, NULL);
		xsmcSetHostDestructor(xsThis, NULL);
	}
}

void xs_bufferedserial_read(xsMachine* the)
{
	Serial serial = thisSerial();
	int asked, type = (xsmcArgc > 0) ? (int)xsmcTypeOf(xsArg(0)) : xsUndefinedType;
	size_t available = 0;
	xsUnsignedValue count = 1;
	uint8_t byte = 0;
	void* buffer = &byte;
	uart_get_buffered_data_len(serial->port, &available);
	if (0 == available)
		return;
	if (kIOFormatBuffer == serial->format) {
		if (xsReferenceType == type)
			xsmcGetBufferWritable(xsArg(0), &buffer, &count);
		else {
			asked = (xsUndefinedType == type) ? (int)available : xsmcToInteger(xsArg(0));
			if (asked <= 0)
				xsUnknownError("invalid");
			count = (xsUnsignedValue)asked;
		}
		count = (count < available) ? count : (xsUnsignedValue)available;
		if (xsReferenceType == type)
			xsmcSetInteger(xsResult, (xsIntegerValue)count);
		else
			buffer = xsmcSetArrayBuffer(xsResult, NULL, (xsIntegerValue)count);
	}
	if (count)
		uart_read_bytes(serial->port, buffer, count, 0);
	if (kIOFormatNumber == serial->format)
		xsmcSetInteger(xsResult, byte);
	if (count < available)
		wake(serial, kReadable);
}

void xs_bufferedserial_write(xsMachine* the)
{
	Serial serial = thisSerial();
	uint8_t byte;
	void* data = &byte;
	xsUnsignedValue count = 1;
	if (kIOFormatNumber == serial->format)
		byte = (uint8_t)xsmcToInteger(xsArg(0));
	else
		xsmcGetBufferReadable(xsArg(0), &data, &count);
	if (count > (xsUnsignedValue)(kTransmitBytes - serial->staged))
		xsUnknownError("output full");
	serial->room -= (count < serial->room) ? count : serial->room;
	if (serial->sending) {
		c_memcpy(serial->staging + serial->staged, data, count);
		serial->staged += count;
	}
	else if (count) {
		serial->sending = uart_write_bytes(serial->port, data, count) > 0;
		wake(serial, kRoom); /* the staging is free: as much again can be taken while this is sent */
	}
}

void xs_bufferedserial_get_format(xsMachine* the)
{
	builtinGetFormat(the, thisSerial()->format);
}

void xs_bufferedserial_set_format(xsMachine* the)
{
	Serial serial = thisSerial();
	serial->format = checkFormat(the, builtinSetFormat(the));
}
