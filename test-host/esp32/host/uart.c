/*
 * The UART driver and the line behind it. Sizes, interrupts and rings behave as in ESP-IDF 6.0: the
 * FIFO of 128 bytes each way, the receive ring that holds a whole reading of the FIFO back when it does
 * not fit, the transmit ring that keeps an item in one piece. Where the driver would wait, the program
 * ends: the device's code must never come there.
 */
#include "driver/uart.h"
#include "driver/uart_select.h"
#include "stand-in.h"

#include <stdlib.h>
#include <string.h>

#define FIFO 128
#define TRANSMIT_INTERRUPT 10
#define ITEM_HEADER 8
#define DESCRIPTION 12
#define ITEMS 1024

typedef struct {
	size_t start, total, length;
	int description;
	uint8_t* data;
} Item;

typedef struct {
	uint8_t *ring, *held;
	size_t ringSize, ringStart, ringCount, heldCount;
	uint8_t fifo[FIFO], stash[FIFO];
	size_t fifoCount, stashCount;
	int full, idle, overflow, receiveInterrupt, interruptsOff;
	int threshold, rtsThreshold;
	uart_hw_flowcontrol_t flow;
	size_t size, acquire, release;
	int ringFull;
	Item items[ITEMS];
	size_t itemCount, itemOffset;
	uint8_t out[FIFO];
	size_t outCount;
	uart_select_notif_callback_t callback;
} Driver;

static Driver* drivers[SOC_UART_HP_NUM];
static portMUX_TYPE selectLock = portMUX_INITIALIZER_UNLOCKED;

static Driver* installed(uart_port_t port, const char* name)
{
	if ((port < 0) || (port >= SOC_UART_HP_NUM) || !drivers[port])
		standInFail("%s: no driver on port %d", name, port);
	return drivers[port];
}

static void tell(Driver* driver, uart_port_t port, uart_select_notif_t what, BaseType_t* woken)
{
	standInEnterCritical(&selectLock);
	if (driver->callback)
		driver->callback(port, what, woken);
	standInExitCritical(&selectLock);
}

/* Receiving */

static int toRing(Driver* driver)
{
	size_t i;
	if (driver->ringCount + driver->stashCount > driver->ringSize)
		return 0;
	for (i = 0; i < driver->stashCount; i++)
		driver->ring[(driver->ringStart + driver->ringCount++) % driver->ringSize] = driver->stash[i];
	return 1;
}

static void receiveInterrupts(Driver* driver, uart_port_t port)
{
	BaseType_t woken = pdFALSE;
	if (driver->interruptsOff)
		return;
	rtosInterruptBegin();
	for (;;) {
		if (driver->receiveInterrupt && driver->fifoCount
			&& (driver->idle || ((int)driver->fifoCount >= driver->threshold))) {
			memcpy(driver->stash, driver->fifo, driver->fifoCount);
			driver->stashCount = driver->fifoCount;
			driver->fifoCount = 0;
			if (toRing(driver))
				tell(driver, port, UART_SELECT_READ_NOTIF, &woken);
			else {
				driver->full = 1;
				driver->receiveInterrupt = 0;
			}
		}
		else if (driver->overflow) {
			driver->fifoCount = 0;
			driver->overflow = 0;
			tell(driver, port, UART_SELECT_ERROR_NOTIF, &woken);
		}
		else
			break;
	}
	rtosInterruptEnd(woken);
}

static int pauses(Driver* driver)
{
	return (driver->flow & UART_HW_FLOWCTRL_RTS) && ((int)driver->fifoCount >= driver->rtsThreshold);
}

/* What the other side holds back goes on when it may. */
static void pumpLine(Driver* driver, uart_port_t port)
{
	size_t i = 0;
	while ((i < driver->heldCount) && !pauses(driver)) {
		driver->idle = 0;
		if (driver->fifoCount < FIFO)
			driver->fifo[driver->fifoCount++] = driver->held[i];
		else
			driver->overflow = 1;
		i++;
		receiveInterrupts(driver, port);
	}
	driver->heldCount -= i;
	if (driver->heldCount)
		memmove(driver->held, driver->held + i, driver->heldCount);
	driver->idle = 1;
	receiveInterrupts(driver, port);
	if (driver->heldCount && !pauses(driver))
		pumpLine(driver, port);
}

void lineReceive(int port, const uint8_t* data, size_t length)
{
	Driver* driver = drivers[port];
	if (!driver || !length)
		return;
	driver->held = realloc(driver->held, driver->heldCount + length);
	memcpy(driver->held + driver->heldCount, data, length);
	driver->heldCount += length;
	pumpLine(driver, port);
}

size_t lineHeldBack(int port)
{
	return drivers[port] ? drivers[port]->heldCount : 0;
}

void lineInterrupts(int port, int enabled)
{
	installed(port, "interrupts")->interruptsOff = !enabled;
	pumpLine(drivers[port], port);
}

esp_err_t uart_get_buffered_data_len(uart_port_t port, size_t* length)
{
	*length = installed(port, "uart_get_buffered_data_len")->ringCount;
	return ESP_OK;
}

int uart_read_bytes(uart_port_t port, void* data, uint32_t length, TickType_t ticks)
{
	Driver* driver = installed(port, "uart_read_bytes");
	uint32_t count = 0;
	if (ticks)
		standInFail("uart_read_bytes waits");
	while ((count < length) && driver->ringCount) {
		((uint8_t*)data)[count++] = driver->ring[driver->ringStart];
		driver->ringStart = (driver->ringStart + 1) % driver->ringSize;
		driver->ringCount--;
		if (driver->full && toRing(driver)) {
			driver->full = 0;
			driver->receiveInterrupt = 1;
			pumpLine(driver, port);
		}
	}
	return (int)count;
}

/* Sending */

/* Most bytes of one item, by the ring's rules. */
static size_t freeSize(Driver* driver)
{
	size_t most = driver->size / 2 - ITEM_HEADER, room;
	if (driver->ringFull)
		return 0;
	if (driver->acquire < driver->release)
		room = driver->release - driver->acquire;
	else {
		room = driver->size - driver->acquire;
		if (room < driver->release)
			room = driver->release;
	}
	room = (room < ITEM_HEADER) ? 0 : room - ITEM_HEADER;
	return (room < most) ? room : most;
}

static int put(Driver* driver, const uint8_t* data, size_t length, int description)
{
	size_t total = ITEM_HEADER + ((length + 3) & ~(size_t)3);
	Item* item = &driver->items[driver->itemCount];
	if (driver->ringFull || (driver->itemCount == ITEMS))
		return 0;
	if (driver->acquire < driver->release) {
		if (total > driver->release - driver->acquire)
			return 0;
	}
	else if (total > driver->size - driver->acquire) {
		if (total > driver->release)
			return 0;
		driver->acquire = 0;
	}
	item->start = driver->acquire;
	item->total = total;
	item->length = length;
	item->description = description;
	item->data = malloc(length);
	memcpy(item->data, data, length);
	driver->itemCount++;
	driver->acquire += total;
	if (driver->size - driver->acquire < ITEM_HEADER)
		driver->acquire = 0;
	driver->ringFull = driver->acquire == driver->release;
	return 1;
}

static void giveBack(Driver* driver)
{
	free(driver->items[0].data);
	driver->itemCount--;
	memmove(driver->items, driver->items + 1, driver->itemCount * sizeof(Item));
	driver->itemOffset = 0;
	driver->release = driver->itemCount ? driver->items[0].start : driver->acquire;
	driver->ringFull = 0;
}

static void transmitInterrupt(Driver* driver, uart_port_t port)
{
	BaseType_t woken = pdFALSE;
	if (driver->outCount > TRANSMIT_INTERRUPT)
		return;
	rtosInterruptBegin();
	while ((driver->outCount < FIFO) && driver->itemCount) {
		Item* item = &driver->items[0];
		if (item->description) {
			giveBack(driver);
			continue;
		}
		driver->out[driver->outCount++] = item->data[driver->itemOffset++];
		if (driver->itemOffset == item->length) {
			giveBack(driver);
			tell(driver, port, UART_SELECT_WRITE_NOTIF, &woken);
		}
	}
	rtosInterruptEnd(woken);
}

int uart_write_bytes(uart_port_t port, const void* data, size_t length)
{
	Driver* driver = installed(port, "uart_write_bytes");
	const uint8_t description[DESCRIPTION] = { 0 };
	size_t offset = 0;
	if (!length)
		return 0;
	if (!put(driver, description, DESCRIPTION, 1))
		standInFail("uart_write_bytes waits for the place of a description");
	while (offset < length) {
		size_t count = freeSize(driver);
		if (count > length - offset)
			count = length - offset;
		if (!count || !put(driver, (const uint8_t*)data + offset, count, 0))
			standInFail("uart_write_bytes waits for the place of %zu bytes", length - offset);
		offset += count;
		if (offset < length)
			standInFail("uart_write_bytes splits a write of %zu bytes", length);
		transmitInterrupt(driver, port);
	}
	return (int)length;
}

size_t lineSend(int port, uint8_t* data, size_t most)
{
	Driver* driver = drivers[port];
	size_t count = 0;
	while (driver && (count < most) && driver->outCount) {
		data[count++] = driver->out[0];
		memmove(driver->out, driver->out + 1, --driver->outCount);
		transmitInterrupt(driver, port);
	}
	return count;
}

/* The driver's life */

esp_err_t uart_driver_install(uart_port_t port, int receiveBytes, int transmitBytes, int queueLength,
	QueueHandle_t* queue, int interruptFlags)
{
	Driver* driver;
	standInCall("uart_driver_install %d %d %d", port, receiveBytes, transmitBytes);
	if (queueLength || queue || interruptFlags)
		standInFail("a driver with a queue or flags");
	if ((port < 0) || (port >= SOC_UART_HP_NUM) || drivers[port] || (receiveBytes <= FIFO) || (transmitBytes <= FIFO))
		return ESP_FAIL;
	if (standInFails("uart_driver_install"))
		return ESP_FAIL;
	driver = drivers[port] = calloc(1, sizeof(Driver));
	driver->ring = malloc((size_t)receiveBytes);
	driver->ringSize = (size_t)receiveBytes;
	driver->size = (size_t)transmitBytes & ~(size_t)3;
	driver->threshold = 120;
	driver->receiveInterrupt = 1;
	return ESP_OK;
}

esp_err_t uart_driver_delete(uart_port_t port)
{
	Driver* driver = drivers[port];
	standInCall("uart_driver_delete %d", port);
	if (!driver)
		return ESP_OK;
	if (driver->callback)
		standInFail("the driver goes while its interrupt may call");
	while (driver->itemCount)
		giveBack(driver);
	free(driver->ring);
	free(driver->held);
	free(driver);
	drivers[port] = NULL;
	return ESP_OK;
}

bool uart_is_driver_installed(uart_port_t port)
{
	return drivers[port] != NULL;
}

esp_err_t uart_param_config(uart_port_t port, const uart_config_t* config)
{
	Driver* driver = installed(port, "uart_param_config");
	standInCall("uart_param_config %d baud %d %d%c%d flow %d threshold %d", port, config->baud_rate, config->data_bits + 5,
		"NxEO"[config->parity], config->stop_bits, config->flow_ctrl, config->rx_flow_ctrl_thresh);
	if ((config->baud_rate > 5000000) || standInFails("uart_param_config"))
		return ESP_FAIL;
	driver->flow = config->flow_ctrl;
	driver->rtsThreshold = config->rx_flow_ctrl_thresh;
	return ESP_OK;
}

esp_err_t uart_set_pin(uart_port_t port, int transmit, int receive, int rts, int cts)
{
	installed(port, "uart_set_pin");
	standInCall("uart_set_pin %d %d %d %d %d", port, transmit, receive, rts, cts);
	/* 34 to 39 are inputs only. */
	if ((transmit > 33) || (receive > 39) || (rts > 33) || (cts > 39) || standInFails("uart_set_pin"))
		return ESP_FAIL;
	return ESP_OK;
}

esp_err_t uart_set_rx_full_threshold(uart_port_t port, int threshold)
{
	installed(port, "uart_set_rx_full_threshold")->threshold = threshold;
	standInCall("uart_set_rx_full_threshold %d %d", port, threshold);
	return standInFails("uart_set_rx_full_threshold") ? ESP_FAIL : ESP_OK;
}

esp_err_t uart_set_rx_timeout(uart_port_t port, const uint8_t characters)
{
	installed(port, "uart_set_rx_timeout");
	standInCall("uart_set_rx_timeout %d %d", port, characters);
	return standInFails("uart_set_rx_timeout") ? ESP_FAIL : ESP_OK;
}

void uart_set_select_notif_callback(uart_port_t port, uart_select_notif_callback_t callback)
{
	if (drivers[port])
		drivers[port]->callback = callback;
}

portMUX_TYPE* uart_get_selectlock(void)
{
	return &selectLock;
}
