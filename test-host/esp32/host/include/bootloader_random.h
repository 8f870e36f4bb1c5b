/* Stand-in: the noise of the ADC for the generator of random numbers. */
#ifndef STAND_IN_BOOTLOADER_RANDOM_H
#define STAND_IN_BOOTLOADER_RANDOM_H

void bootloader_random_enable(void);
void bootloader_random_disable(void);

#endif
