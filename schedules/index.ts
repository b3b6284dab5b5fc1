import type { Config } from '../config/schema.ts';
import type { ScheduleDefinition } from './definition.ts';
import { sequencingSchedules } from './sequencing.ts';
import { storageSchedules } from './storage.ts';

/** Every schedule that the configuration asks for, of all pipelines. */
export function scheduleDefinitions(config: Config): ScheduleDefinition[] {
  return [...storageSchedules(config.storage, config.site.timeZone), ...sequencingSchedules(config.sequencing, config.site.timeZone)];
}
