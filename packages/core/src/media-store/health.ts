import type { HealthCheck, HealthReport } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { Engine } from './engine.ts'

/** A key that nobody claims. */
const STATE_OF_NOTHING = 'health'

/** Looks at the catalog, at states that are shared, and at each volume. Down when records or every home volume cannot be used. */
export async function healthOf(engine: Engine): Promise<HealthReport> {
  const checks: Record<string, HealthCheck> = {}
  checks['catalog'] = await look(engine, 'down', () => engine.catalog.ping())
  const { sharedStates } = engine
  if (sharedStates !== undefined)
    checks['states'] = await look(engine, 'degraded', async () => {
      await sharedStates.read([STATE_OF_NOTHING])
    })
  const homes: HealthCheck[] = []
  for (const volume of engine.volumes.all) {
    // Probes come every few seconds: a look that costs money is as fresh as the last one.
    if (!volume.store.traits.paid) volume.doubt()
    const check = await look(engine, 'degraded', () => volume.checkOnline())
    checks[volume.tier] = check
    if (volume.role === 'home') homes.push(check)
  }
  const all = Object.values(checks)
  const down =
    engine.activity.closing ||
    checks['catalog'].status === 'down' ||
    homes.every(({ status }) => status !== 'ok')
  return { status: down ? 'down' : all.every(({ status }) => status === 'ok') ? 'ok' : 'degraded', checks }
}

async function look(
  engine: Engine,
  failed: 'degraded' | 'down',
  ask: () => Promise<void>,
): Promise<HealthCheck> {
  const startedMs = engine.clock.now()
  try {
    await ask()
    return { status: 'ok', latencyMs: engine.clock.now() - startedMs }
  } catch (error) {
    return {
      status: failed,
      latencyMs: engine.clock.now() - startedMs,
      detail: isMediaError(error) ? (error.reason ?? error.code) : 'failed',
    }
  }
}
