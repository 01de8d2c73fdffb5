import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { spawnMediakeep } from './mediakeep.mjs'

/** `mediakeep gate` as a process of its own: it answers Envoy, and in place of the bucket where that has lost something. */
export async function startGate(options) {
  const child = spawnMediakeep(['gate', '--json'], options)
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  }
  const listening = new Promise((resolve, reject) => {
    const ports = {}
    void ended.then(([code]) => reject(new Error(`the gate ended with ${code} before it listened`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { listening, what } = JSON.parse(line)
      const name = what === 'in place of a store' ? 'fallbackPort' : 'port'
      ports[name] = Number(/:(\d+)$/.exec(listening)?.[1])
      if (ports.fallbackPort !== undefined && ports.port !== undefined) resolve(ports)
    })
  })
  try {
    return { ...(await listening), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
