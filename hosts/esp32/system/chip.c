/*
 * Sleep, restart, watchdog and address of the ESP32 (ESP-IDF 6.0), described in chip.d.ts. Hardware has not seen this file;
 * it compiles against the headers of the SDK and of ESP-IDF, and runs in XS on the workstation over
 * stand-ins (test-host/esp32).
 */
#include "xsmc.h"
#include "mc.xs.h"
#include "xsHost.h"
#include "sdkconfig.h"
#include "esp_mac.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_task_wdt.h"

#define kLongestSleepMs (31.0 * 24 * 60 * 60 * 1000)

void xs_chip_deepSleep(xsMachine* the)
{
	double ms = xsmcToNumber(xsArg(0));
	if (!((1 <= ms) && (ms <= kLongestSleepMs)) || esp_sleep_enable_timer_wakeup((uint64_t)(ms * 1000)))
		xsRangeError("invalid duration");
	esp_deep_sleep_start();
}

void xs_chip_restart(xsMachine* the)
{
	(void)the;
	esp_restart();
}

void xs_chip_wakeCause(xsMachine* the)
{
	const char* cause = "other";
	switch (esp_reset_reason()) {
	case ESP_RST_POWERON:
		cause = "power";
		break;
	case ESP_RST_EXT:
		cause = "pin";
		break;
	case ESP_RST_SW:
		cause = "restart";
		break;
	case ESP_RST_PANIC:
	case ESP_RST_CPU_LOCKUP:
		cause = "panic";
		break;
	case ESP_RST_INT_WDT:
	case ESP_RST_TASK_WDT:
	case ESP_RST_WDT:
		cause = "watchdog";
		break;
	case ESP_RST_BROWNOUT:
	case ESP_RST_PWR_GLITCH:
		cause = "brownout";
		break;
	case ESP_RST_DEEPSLEEP:
		cause = (esp_sleep_get_wakeup_causes() & (1u << ESP_SLEEP_WAKEUP_TIMER)) ? "timer" : "wake";
		break;
	default:
		break;
	}
	xsmcSetString(xsResult, (char*)cause);
}

void xs_chip_address(xsMachine* the)
{
	static const char digits[] = "0123456789ABCDEF";
	/* esp_efuse_mac_get_default gives eight bytes on chips with IEEE 802.15.4, this one six on all. */
	uint8_t address[6];
	char text[2 * sizeof(address) + 1];
	size_t i;
	if (esp_read_mac(address, ESP_MAC_EFUSE_FACTORY))
		return;
	for (i = 0; i < sizeof(address); i++) {
		text[2 * i] = digits[address[i] >> 4];
		text[2 * i + 1] = digits[address[i] & 15];
	}
	text[2 * sizeof(address)] = 0;
	xsmcSetString(xsResult, text);
}

#if CONFIG_ESP_TASK_WDT_EN

#ifdef CONFIG_ESP_TASK_WDT_TIMEOUT_S
/* The SDK's loop feeds the same watchdog on behalf of its task, and waits for up to a second less than this. */
#define kShortestTimeoutMs (1000.0 * CONFIG_ESP_TASK_WDT_TIMEOUT_S)
#else
/* Without CONFIG_ESP_TASK_WDT_INIT the loop begins before there is a watchdog, and is no user of it. */
#define kShortestTimeoutMs (1000.0)
#endif
#define kLongestTimeoutMs (60.0 * 60 * 1000)

static esp_task_wdt_user_handle_t gWatchdog = NULL;

void xs_chip_startWatchdog(xsMachine* the)
{
	double ms = xsmcToNumber(xsArg(0));
	esp_task_wdt_config_t config = { .trigger_panic = true };
	esp_err_t err;
	if (!((kShortestTimeoutMs <= ms) && (ms <= kLongestTimeoutMs)))
		xsRangeError("invalid timeout");
	config.timeout_ms = (uint32_t)ms;
	err = esp_task_wdt_reconfigure(&config);
	if (ESP_ERR_INVALID_STATE == err) /* CONFIG_ESP_TASK_WDT_INIT is off */
		err = esp_task_wdt_init(&config);
	if (!err && !gWatchdog)
		err = esp_task_wdt_add_user("program", &gWatchdog);
	if (err)
		xsUnknownError("watchdog failed");
}

void xs_chip_feedWatchdog(xsMachine* the)
{
	if (!gWatchdog || esp_task_wdt_reset_user(gWatchdog))
		xsUnknownError("no watchdog");
}

#else

void xs_chip_startWatchdog(xsMachine* the)
{
	xsUnknownError("no watchdog");
}

void xs_chip_feedWatchdog(xsMachine* the)
{
	xsUnknownError("no watchdog");
}

#endif
