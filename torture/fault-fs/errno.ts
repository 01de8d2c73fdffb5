/** What the kernel says when it refuses, in the shape in which node:fs gives it. */
export function errno(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} ${path}`), { code, syscall, path, errno: -1 })
}
