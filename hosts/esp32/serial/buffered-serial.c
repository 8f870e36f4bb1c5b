/*
 * The buffered serial class of the ESP32, on ESP-IDF's UART driver (ESP-IDF 6.0, SDK 8.2.3): the
 * surface of `embedded:io/serial` with a receive ring behind the 128-byte FIFO, RTS/CTS, and a report
 * of lost bytes. The JavaScript side and all options are described in buffered-serial.d.ts.
 *
 * Hardware has not seen this file. It compiles against the headers of the SDK and of ESP-IDF, and its
 * logic runs in XS on the workstation, over stand-ins of the driver (test-host/esp32).
 *
 * Interrupt -> notification bits of a small task -> one message at a time to the machine's own task,
 * which calls back. The task stands between because the driver's interrupt may come while the flash
 * cache is off (CONFIG_UART_ISR_IN_IRAM), when posting a message, whose code lies in flash, would
 * crash; and because a message that finds the queue full has to be posted again.
 */
#include "xsmc.h"
#include "mc.xs.h"
#include "xsHost.h"
#include "builtinCommon.h"

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "driver/uart.h"
#include "driver/uart_select.h"

#define kReceiveBytes (4096)
/* What is announced as room; as much again is on its way in the driver. */
#define kTransmitBytes (1024)
/* One item of any size up to kTransmitBytes fits the driver's empty ring, wherever its pointers stand:
   the ring keeps an item in one piece, behind a header, and a description before it. */
#define kTransmitRingBytes (2 * kTransmitBytes + 64)
/* Bytes in the FIFO that raise the interrupt: the other half of the FIFO is the time to serve it. */
#define kReceiveInterruptBytes (64)
#define kReceiveIdleCharacters (4)
/* Bytes in the FIFO that take RTS back; a module sends a few more before it heeds that. */
#define kFlowControlBytes (96)
#define kTaskStackBytes (2048)
/* Above the machine's task (4), so that a byte is told of while a turn goes on. */
#define kTaskPriority (10)
#define kPinCount (4)

enum {
	kReadable = 1 << UART_SELECT_READ_NOTIF,
	/* What was handed to the driver has gone to the FIFO. */
	kSent = 1 << UART_SELECT_WRITE_NOTIF,
	/* With parity and the frame error's interrupt off, the driver's only error is the FIFO's overflow. */
	kOverrun = 1 << UART_SELECT_ERROR_NOTIF,
	kRoom = 1 << 3,
	kClosed = 1 << 4
};

typedef struct {
	xsSlot		obj;
	xsMachine	*the;
	xsSlot		*onReadable;
	xsSlot		*onWritable;
	xsSlot		*onError;
	TaskHandle_t	task;
	/* The next four are guarded by the critical section. */
	uint32_t	events;
	uint8_t		posted;
	uint8_t		closed;
	uint8_t		useCount;		/* the object, the task, the message */
	uint8_t		port;
	uint8_t		format;
	uint8_t		sending;		/* the driver holds a write */
	uint8_t		calling;		/* within onReadable */
	uint8_t		unread;			/* a read within it left bytes */
	uint8_t		pinCount;
	uint8_t		pins[kPinCount];
	uint16_t	room;			/* as the program knows it */
	uint16_t	staged;			/* bytes that wait for the write before them */
	uint8_t		staging[kTransmitBytes];
} SerialRecord, *Serial;

/* For the interrupt: in internal RAM, while a record may lie outside of it. */
static TaskHandle_t gTasks[SOC_UART_HP_NUM];

void xs_bufferedserial_destructor(void *data);

static void serialMark(xsMachine *the, void *it, xsMarkRoot markRoot)
{
	Serial serial = it;

	if (serial->onReadable)
		(*markRoot)(the, serial->onReadable);
	if (serial->onWritable)
		(*markRoot)(the, serial->onWritable);
	if (serial->onError)
		(*markRoot)(the, serial->onError);
}

static const xsHostHooks serialHooks = {
	xs_bufferedserial_destructor,
	serialMark,
	NULL
};

static void ICACHE_RAM_ATTR serialNotify(uart_port_t port, uart_select_notif_t what, BaseType_t *woken)
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

static size_t serialBuffered(Serial serial)
{
	size_t count = 0;

	uart_get_buffered_data_len(serial->port, &count);
	return count;
}

static void serialSend(Serial serial, const void *data, size_t count)
{
	serial->sending = uart_write_bytes(serial->port, data, count) > 0;
}

static void serialCall(Serial serial, xsSlot *function, size_t count)
{
	if (!function || serial->closed)
		return;
	xsBeginHost(serial->the);
		if (function == serial->onError)
			xsCallFunction0(xsReference(function), serial->obj);
		else {
			xsmcSetInteger(xsResult, (xsIntegerValue)count);
			xsCallFunction1(xsReference(function), serial->obj, xsResult);
		}
	xsEndHost(serial->the);
}

/* On the machine's task. The program may close the port in any of the calls. */
static void serialDeliver(void *the, void *refcon, uint8_t *message, uint16_t messageLength)
{
	Serial serial = refcon;
	uint32_t events;
	size_t count;
	(void)the, (void)message, (void)messageLength;

	builtinCriticalSectionBegin();
	events = serial->events;
	serial->events = 0;
	serial->posted = 0;
	builtinCriticalSectionEnd();

	if ((events & kSent) && !serial->closed) {
		serial->sending = 0;
		if (serial->staged)
			serialSend(serial, serial->staging, serial->staged);
		serial->staged = 0;
	}
	if (events & kOverrun)
		serialCall(serial, serial->onError, 0);
	if ((events & kReadable) && !serial->closed && (count = serialBuffered(serial))) {
		serial->unread = 0;
		serial->calling = 1;
		serialCall(serial, serial->onReadable, count);
		serial->calling = 0;
		if (serial->unread && !serial->closed && serialBuffered(serial))
			xTaskNotify(serial->task, kReadable, eSetBits);
	}
	if ((events & (kSent | kRoom)) && (serial->room < kTransmitBytes - serial->staged)) {
		serial->room = kTransmitBytes - serial->staged;
		serialCall(serial, serial->onWritable, serial->room);
	}
	serialRelease(serial);
}

/* Posts within the critical section, without waiting: after `closed` nothing of the machine is touched. */
static void serialTask(void *refcon)
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
			if (0 == modMessagePostToMachineFromISR(serial->the, serialDeliver, serial)) {
				serial->posted = 1;
				serial->useCount++;
			}
			else
				wait = 1;		/* the machine's queue is full: again in a tick */
		}
		builtinCriticalSectionEnd();
	} while (!(events & kClosed));

	serialRelease(serial);
	vTaskDelete(NULL);
}

/* Undefined and absent are one. */
static int hasOption(xsMachine *the, xsIdentifier id, xsSlot *value)
{
	xsmcGet(*value, xsArg(0), id);
	return xsmcTypeOf(*value) != xsUndefinedType;
}

static int pinOption(xsMachine *the, xsIdentifier id, const int *others, int count)
{
	xsSlot value;
	uint32_t pin;

	if (!hasOption(the, id, &value))
		return UART_PIN_NO_CHANGE;
	pin = builtinGetPin(the, &value);
	while (count--) {
		if ((int)pin == others[count])
			xsUnknownError("in use");
	}
	if (!builtinIsPinFree(pin))
		xsUnknownError("in use");
	return (int)pin;
}

static uint8_t checkFormat(xsMachine *the, uint8_t format)
{
	if ((kIOFormatNumber != format) && (kIOFormatBuffer != format))
		xsRangeError("invalid format");
	return format;
}

void xs_bufferedserial_constructor(xsMachine *the)
{
	Serial serial;
	xsSlot value;
	SerialRecord made = {0};
	int pins[kPinCount], i, port = 0, threshold = kFlowControlBytes;
	double baud;
	esp_err_t err;
	uart_config_t config = {0};

	pins[0] = pinOption(the, xsID_transmit, pins, 0);
	pins[1] = pinOption(the, xsID_receive, pins, 1);
	pins[2] = pinOption(the, xsID_rts, pins, 2);
	pins[3] = pinOption(the, xsID_cts, pins, 3);
	if ((pins[0] < 0) && (pins[1] < 0))
		xsUnknownError("invalid");
	if (hasOption(the, xsID_port, &value))
		port = builtinGetSignedInteger(the, &value);
	if ((port < 0) || (port >= SOC_UART_HP_NUM))
		xsRangeError("invalid port");
	xsmcGet(value, xsArg(0), xsID_baud);
	baud = xsmcToNumber(value);
	if (!((1 <= baud) && (baud <= 20000000)))
		xsRangeError("invalid baud");
	if (hasOption(the, xsID_threshold, &value))
		threshold = builtinGetSignedInteger(the, &value);
	if ((threshold < 1) || (threshold >= UART_HW_FIFO_LEN(port)))
		xsRangeError("invalid threshold");
	made.onReadable = builtinGetCallback(the, xsID_onReadable);
	made.onWritable = (pins[0] < 0) ? NULL : builtinGetCallback(the, xsID_onWritable);
	made.onError = builtinGetCallback(the, xsID_onError);
	made.format = checkFormat(the, builtinInitializeFormat(the, kIOFormatBuffer));
	if (uart_is_driver_installed(port))
		xsUnknownError("port in use");
	builtinInitializeTarget(the);

	serial = c_malloc(sizeof(SerialRecord));
	if (!serial)
		xsRangeError("no memory");
	*serial = made;
	serial->obj = xsThis;
	serial->the = the;
	serial->port = (uint8_t)port;
	serial->useCount = 2;
	if (pdPASS != xTaskCreate(serialTask, "serial", kTaskStackBytes, serial, kTaskPriority, &serial->task)) {
		c_free(serial);
		xsRangeError("no memory");
	}

	config.baud_rate = (int)baud;
	config.data_bits = UART_DATA_8_BITS;
	config.parity = UART_PARITY_DISABLE;
	config.stop_bits = UART_STOP_BITS_1;
	config.flow_ctrl = ((pins[2] < 0) ? 0 : UART_HW_FLOWCTRL_RTS) | ((pins[3] < 0) ? 0 : UART_HW_FLOWCTRL_CTS);
	config.rx_flow_ctrl_thresh = (uint8_t)threshold;
	gTasks[port] = serial->task;
	err = uart_driver_install(port, kReceiveBytes, kTransmitRingBytes, 0, NULL, 0);
	if (!err)
		err = uart_param_config(port, &config);
	if (!err) {
		uart_set_select_notif_callback(port, serialNotify);
		err = uart_set_rx_full_threshold(port, kReceiveInterruptBytes);
	}
	if (!err)
		err = uart_set_rx_timeout(port, kReceiveIdleCharacters);
	if (!err)
		err = uart_set_pin(port, pins[0], pins[1], pins[2], pins[3]);
	if (err) {
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
	xsSetHostHooks(xsThis, (xsHostHooks *)&serialHooks);
	xsRemember(serial->obj);
	xTaskNotify(serial->task, kRoom, eSetBits);
}

/* What was written and not sent is dropped. The record outlives this while the task or a message has it. */
void xs_bufferedserial_destructor(void *data)
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
	while (serial->pinCount) {
		serial->pinCount--;
		builtinFreePin((uint32_t)serial->pins[serial->pinCount]);
	}
	xTaskNotify(serial->task, kClosed, eSetBits);
	serialRelease(serial);
}

void xs_bufferedserial_close(xsMachine *the)
{
	Serial serial = xsmcGetHostData(xsThis);
	if (serial && xsmcGetHostDataValidate(xsThis, (void *)&serialHooks)) {
		xsForget(serial->obj);
		xs_bufferedserial_destructor(serial);
		xsmcSetHostData(xsThis, NULL);
		xsmcSetHostDestructor(xsThis, NULL);
	}
}

void xs_bufferedserial_read(xsMachine *the)
{
	Serial serial = xsmcGetHostDataValidate(xsThis, (void *)&serialHooks);
	size_t available = serialBuffered(serial), count = available;
	void *buffer;

	if (0 == available)
		return;
	if (kIOFormatNumber == serial->format) {
		uint8_t byte = 0;

		count = 1;
		uart_read_bytes(serial->port, &byte, 1, 0);
		xsmcSetInteger(xsResult, byte);
	}
	else {
		if ((xsmcArgc > 0) && (xsReferenceType == xsmcTypeOf(xsArg(0)))) {
			xsUnsignedValue length;

			xsmcGetBufferWritable(xsArg(0), &buffer, &length);
			if (count > length)
				count = length;
			xsmcSetInteger(xsResult, (xsIntegerValue)count);
		}
		else {
			if ((xsmcArgc > 0) && (xsUndefinedType != xsmcTypeOf(xsArg(0)))) {
				int requested = xsmcToInteger(xsArg(0));

				if (requested <= 0)
					xsUnknownError("invalid");
				if (count > (size_t)requested)
					count = (size_t)requested;
			}
			buffer = xsmcSetArrayBuffer(xsResult, NULL, (xsIntegerValue)count);
		}
		if (count)
			uart_read_bytes(serial->port, buffer, count, 0);
	}
	if (serial->calling)
		serial->unread |= count < available;
	else if (count < available)
		xTaskNotify(serial->task, kReadable, eSetBits);
}

void xs_bufferedserial_write(xsMachine *the)
{
	Serial serial = xsmcGetHostDataValidate(xsThis, (void *)&serialHooks);
	uint8_t byte;
	void *data = &byte;
	xsUnsignedValue count = 1;

	if (kIOFormatNumber == serial->format)
		byte = (uint8_t)xsmcToInteger(xsArg(0));
	else
		xsmcGetBufferReadable(xsArg(0), &data, &count);
	if (count > (xsUnsignedValue)(kTransmitBytes - serial->staged))
		xsUnknownError("output full");
	if (0 == count)
		return;
	serial->room -= (count < serial->room) ? count : serial->room;
	if (serial->sending) {
		c_memcpy(serial->staging + serial->staged, data, count);
		serial->staged += count;
	}
	else {
		serialSend(serial, data, count);
		/* A long write went to the driver at once: more can be taken while that is sent. */
		if (serial->room < kTransmitBytes / 2)
			xTaskNotify(serial->task, kRoom, eSetBits);
	}
}

void xs_bufferedserial_get_format(xsMachine *the)
{
	Serial serial = xsmcGetHostDataValidate(xsThis, (void *)&serialHooks);
	builtinGetFormat(the, serial->format);
}

void xs_bufferedserial_set_format(xsMachine *the)
{
	Serial serial = xsmcGetHostDataValidate(xsThis, (void *)&serialHooks);
	serial->format = checkFormat(the, builtinSetFormat(the));
}

void xs_bufferedserial_get_receiveHeadroom(xsMachine *the)
{
	xsmcGetHostDataValidate(xsThis, (void *)&serialHooks);
	xsmcSetInteger(xsResult, kReceiveBytes);
}
