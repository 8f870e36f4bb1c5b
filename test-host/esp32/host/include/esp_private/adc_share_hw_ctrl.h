/* Stand-in: the locks of a chip's two ADCs. */
#ifndef STAND_IN_ADC_H
#define STAND_IN_ADC_H

#include "esp_err.h"

#define SOC_ADC_PERIPH_NUM (2)

typedef enum { ADC_UNIT_1, ADC_UNIT_2 } adc_unit_t;

esp_err_t adc_lock_try_acquire(adc_unit_t unit);
esp_err_t adc_lock_release(adc_unit_t unit);

#endif
