export interface Fixture {
  readonly path: string
  readonly contentType: string
}
export type FixtureName =
  | 'photo.png'
  | 'photo.jpg'
  | 'photo.webp'
  | 'photo.avif'
  | 'moving.gif'
  | 'drawing.svg'
  | 'video.mp4'
  | 'video.webm'
  | 'song.mp3'
  | 'sound.wav'
  | 'paper.pdf'
  | 'notes.txt'
  | 'bundle.zip'

export function fixtures(): Promise<Record<FixtureName, Fixture>>
export function missingTools(): string[]
export function missingToolsReason(): string | undefined
