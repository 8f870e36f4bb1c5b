/* Stand-in: the UART driver of ESP-IDF 6.0, as a chip with three UARTs and pins 0..39 has it. */
#ifndef STAND_IN_UART_H
#define STAND_IN_UART_H

#include "esp_err.h"
#include "freertos/FreeRTOS.h"

#include <stdbool.h>

#define SOC_UART_HP_NUM 3
#define UART_PIN_NO_CHANGE (-1)
#define UART_HW_FIFO_LEN(PORT) (128)

typedef int uart_port_t;
typedef struct Queue* QueueHandle_t;
typedef enum { UART_DATA_8_BITS = 3 } uart_word_length_t;
typedef enum { UART_PARITY_DISABLE } uart_parity_t;
typedef enum { UART_STOP_BITS_1 = 1 } uart_stop_bits_t;
typedef enum {
	UART_HW_FLOWCTRL_DISABLE, UART_HW_FLOWCTRL_RTS, UART_HW_FLOWCTRL_CTS, UART_HW_FLOWCTRL_CTS_RTS
} uart_hw_flowcontrol_t;

typedef struct {
	int baud_rate;
	uart_word_length_t data_bits;
	uart_parity_t parity;
	uart_stop_bits_t stop_bits;
	uart_hw_flowcontrol_t flow_ctrl;
	uint8_t rx_flow_ctrl_thresh;
	int source_clk;
	struct {
		uint32_t allow_pd : 1;
	} flags;
} uart_config_t;

esp_err_t uart_driver_install(uart_port_t port, int receiveBytes, int transmitBytes, int queueLength,
	QueueHandle_t* queue, int interruptFlags);
esp_err_t uart_driver_delete(uart_port_t port);
bool uart_is_driver_installed(uart_port_t port);
esp_err_t uart_param_config(uart_port_t port, const uart_config_t* config);
esp_err_t uart_set_pin(uart_port_t port, int transmit, int receive, int rts, int cts);
esp_err_t uart_set_rx_full_threshold(uart_port_t port, int threshold);
esp_err_t uart_set_rx_timeout(uart_port_t port, const uint8_t characters);
esp_err_t uart_get_buffered_data_len(uart_port_t port, size_t* length);
int uart_read_bytes(uart_port_t port, void* data, uint32_t length, TickType_t ticks);
int uart_write_bytes(uart_port_t port, const void* data, size_t length);

#endif
