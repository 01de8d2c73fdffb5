import type { MediaFacts } from '../../contracts/media.ts'
import { factsOf, type Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { eachBox } from './boxes.ts'
import { type Movie, readMovie } from './movie.ts'

/** MP4 and QuickTime by their headers, wherever they stand: the data are stepped over. */
export async function lookAtMp4({ window, limits }: Inspection): Promise<MediaFacts> {
  let movie: Movie | undefined
  let hasData = false
  const end = await eachBox(window, 0, window.sizeBytes, async (box) => {
    if (box.type === 'mdat' || box.type === 'moof') hasData = true
    if (box.type !== 'moov') return undefined
    movie = await readMovie(window, box, limits)
    return 'stop'
  })
  if (movie === undefined) {
    if (!hasData && end >= window.sizeBytes)
      throw doubtful('header-only', 'MP4: behind its first bytes there is nothing to play')
    throw invalid('invalid-media', 'MP4: it has no header, or is cut off before it')
  }
  return factsOf(movie)
}
