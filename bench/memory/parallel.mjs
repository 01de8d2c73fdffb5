// What many uploads at once cost a server in memory, and what is left of those that were abandoned.
import { goal } from '../harness/goals.mjs'
import { memoryMiB } from '../harness/processes.mjs'
import { number, table } from '../harness/report.mjs'
import { createSender } from '../uploads/doors.mjs'

const MiB = 2 ** 20
export const DOORS = ['raw', 'presigned', 'chunked', 'tus']

export async function measureParallel({ id, door, root, quick, startServer, print }) {
  const [count, sizeMiB] = quick ? [50, 8] : [200, 64]
  const server = await startServer('ours', root, {})
  const sender = createSender(server.port, sizeMiB * MiB, { maxSockets: count })
  try {
    // What a process at work has anyway is not what many uploads cost.
    await sender.run(door, 3, 1)
    const before = memoryMiB(server.pid)?.resident ?? Number.NaN
    const startedMs = performance.now()
    await sender.run(door, count, count)
    const seconds = (performance.now() - startedMs) / 1_000
    const { resident, highest } = memoryMiB(server.pid) ?? { resident: Number.NaN, highest: Number.NaN }
    if (door !== 'raw') await sender.abandon(door, count)
    const { sessions, stagedFiles, reservedBytes } = await server.ask({ act: 'sweep' })
    const left = sessions + stagedFiles + reservedBytes
    const figures = {
      MiBs: (count * sizeMiB) / seconds,
      beforeMiB: before,
      highestMiB: highest,
      residentMiB: resident,
      grewMiB: highest - before,
      left,
    }
    print('')
    const title = `${count} uploads of ${sizeMiB} MiB at once, ${door}`
    for (const line of table(
      [title, 'MiB/s', 'VmRSS before', 'VmHWM', 'VmRSS after', 'grew MiB', 'left after the sweep'],
      [
        [
          'ours',
          number(figures.MiBs),
          number(before),
          number(highest),
          number(resident),
          number(figures.grewMiB),
          `${sessions} sessions, ${stagedFiles} files, ${reservedBytes} bytes reserved`,
        ],
      ],
    ))
      print(line)
    return {
      rows: [{ cell: id, subject: 'ours', kind: 'ours', figures }],
      goals: [
        goal({
          id: `parallel-memory ${door}`,
          what: `VmHWM of the server, ${title}`,
          atMost: 300,
          measured: highest,
          unit: ' MiB',
        }),
        goal({
          id: `abandoned ${door}`,
          what: `sessions, files and reserved bytes after the sweep, ${door}`,
          atMost: 0,
          measured: left,
        }),
      ],
    }
  } finally {
    sender.close()
    await server.stop()
  }
}
