/* Random numbers, sleep, restart, watchdog, address. */
#include "bootloader_random.h"
#include "esp_private/adc_share_hw_ctrl.h"
#include "esp_mac.h"
#include "esp_random.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "stand-in.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Random */

static int noise = 0, locked[SOC_ADC_PERIPH_NUM];

void bootloader_random_enable(void)
{
	int unit;
	for (unit = 0; unit < SOC_ADC_PERIPH_NUM; unit++) {
		if (!locked[unit])
			standInFail("noise from an ADC that others may read");
	}
	noise = 1;
	standInCall("bootloader_random_enable");
}

void bootloader_random_disable(void)
{
	noise = 0;
	standInCall("bootloader_random_disable");
}

void esp_fill_random(void* data, size_t length)
{
	size_t i;
	if (!noise)
		standInFail("pseudo-random numbers");
	for (i = 0; i < length; i++)
		((uint8_t*)data)[i] = (uint8_t)(i + 1);
	standInCall("esp_fill_random %zu", length);
}

esp_err_t adc_lock_try_acquire(adc_unit_t unit)
{
	if (locked[unit] || standInFails(unit ? "adc 2" : "adc 1"))
		return ESP_ERR_TIMEOUT;
	locked[unit] = 1;
	standInCall("take adc %d", unit + 1);
	return ESP_OK;
}

esp_err_t adc_lock_release(adc_unit_t unit)
{
	if (!locked[unit])
		standInFail("adc %d is given back that was not taken", unit + 1);
	locked[unit] = 0;
	standInCall("give adc %d", unit + 1);
	return ESP_OK;
}

/* Sleep and restart */

static int beginning = ESP_RST_POWERON;
static uint32_t sources = 0;

void chipBegan(int reason, uint32_t causes)
{
	beginning = reason;
	sources = causes;
}

static void end(const char* how) __attribute__((noreturn));
static void end(const char* how)
{
	printf("\"%s\"\n", how);
	fflush(stdout);
	_exit(6);
}

static uint64_t timer = 0;

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t microseconds)
{
	if (standInFails("esp_sleep_enable_timer_wakeup"))
		return ESP_ERR_INVALID_ARG;
	timer = microseconds;
	return ESP_OK;
}

void esp_deep_sleep_start(void)
{
	char text[60];
	snprintf(text, sizeof(text), "deep sleep %" PRIu64 " us", timer);
	end(text);
}

uint32_t esp_sleep_get_wakeup_causes(void)
{
	return sources;
}

void esp_restart(void)
{
	end("restart");
}

esp_reset_reason_t esp_reset_reason(void)
{
	return (esp_reset_reason_t)beginning;
}

/* Address */

esp_err_t esp_read_mac(uint8_t* mac, esp_mac_type_t type)
{
	int i;
	if (type != ESP_MAC_EFUSE_FACTORY)
		standInFail("an address that can be changed");
	if (standInFails("esp_read_mac"))
		return ESP_ERR_INVALID_ARG;
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)(0x0a + 0x31 * i);
	return ESP_OK;
}

/* Watchdog */

static int initialised = 1, users = 0;

esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t* config)
{
	if (initialised)
		return ESP_ERR_INVALID_STATE;
	initialised = 1;
	standInCall("esp_task_wdt_init %u", config->timeout_ms);
	return standInFails("esp_task_wdt_init") ? ESP_FAIL : ESP_OK;
}

esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t* config)
{
	if (standInFails("esp_task_wdt_reconfigure")) {
		initialised = 0;
		return ESP_ERR_INVALID_STATE;
	}
	standInCall("esp_task_wdt_reconfigure %u idle %u panic %d", config->timeout_ms, config->idle_core_mask,
		config->trigger_panic);
	return ESP_OK;
}

esp_err_t esp_task_wdt_add_user(const char* name, esp_task_wdt_user_handle_t* handle)
{
	static char user;
	if (standInFails("esp_task_wdt_add_user"))
		return ESP_FAIL;
	users++;
	*handle = (esp_task_wdt_user_handle_t)(void*)&user;
	standInCall("esp_task_wdt_add_user %s %d", name, users);
	return ESP_OK;
}

esp_err_t esp_task_wdt_reset_user(esp_task_wdt_user_handle_t handle)
{
	standInCall("esp_task_wdt_reset_user");
	return handle ? ESP_OK : ESP_FAIL;
}
