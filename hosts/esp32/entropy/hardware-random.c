/*
 * Random bytes of the ESP32 with its radios off (ESP-IDF 6.0, "Random Number Generation"), described in
 * hardware-random.d.ts. Hardware has not seen this file; it compiles against the headers of the SDK and
 * of ESP-IDF, and runs in XS on the workstation over stand-ins (test-host/esp32).
 */
#include "xsmc.h"
#include "mc.xs.h"
#include "xsHost.h"
#include "bootloader_random.h"
#include "esp_random.h"
#include "esp_private/adc_share_hw_ctrl.h"

/* The noise source takes the ADC from whoever converts with it: its locks keep other tasks' readings away. */
static int adcTake(int units)
{
	int unit;
	for (unit = 0; unit < units; unit++) {
		if (adc_lock_try_acquire((adc_unit_t)unit))
			return unit;
	}
	return units;
}

static void adcGive(int units)
{
	while (units-- > 0)
		adc_lock_release((adc_unit_t)units);
}

void xs_hardwarerandom_fill(xsMachine* the)
{
	void* data;
	xsUnsignedValue length;
	int taken;
	xsmcGetBufferWritable(xsArg(0), &data, &length);
	taken = adcTake(SOC_ADC_PERIPH_NUM);
	if (taken == SOC_ADC_PERIPH_NUM) {
		bootloader_random_enable();
		esp_fill_random(data, length);
		bootloader_random_disable();
	}
	adcGive(taken);
	if (taken != SOC_ADC_PERIPH_NUM)
		xsUnknownError("adc in use");
}
