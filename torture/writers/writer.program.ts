import { seededRandom } from '@mediakeep/testkit'
import { openSubject } from '../subjects/open-subject.ts'
import { createJournal } from './journal.ts'
import { runLane } from './lanes.ts'

/** Several lanes on one open store until it is killed or each has done its acts. */
const [subjectName = '', folder = '', file = '', name = '', seed = '', lanes = '', acts = ''] =
  process.argv.slice(2)
const journal = createJournal(file)
try {
  const subject = await openSubject(subjectName, folder)
  journal.opened()
  await Promise.all(
    Array.from({ length: Number(lanes) }, (_, lane) =>
      runLane(subject, journal, {
        name: `${name}-${lane}`,
        random: seededRandom(Number(seed) * 16 + lane),
        keys: 20,
        collectEvery: lane === 0 ? 12 : 0,
        ...(acts === '' ? {} : { acts: Number(acts) }),
      }),
    ),
  )
  await subject.close()
} catch (error) {
  journal.fault(error instanceof Error ? `${error.stack}` : String(error))
  process.exitCode = 1
}
journal.close()
