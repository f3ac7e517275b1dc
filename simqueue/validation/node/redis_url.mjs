// A Redis URL as ioredis' options.

/** What `redis://`, `rediss://` and `unix://` say. */
export function connectionOf(url) {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  const options = {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    maxRetriesPerRequest: null,
  };
  if (protocol === "unix:") {
    return { ...options, path: decodeURIComponent(pathname), db: Number(searchParams.get("db") ?? 0) };
  }
  return {
    ...options,
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 6379),
    db: Number(searchParams.get("db") ?? (pathname.slice(1) || 0)),
    ...(protocol === "rediss:" && { tls: {} }),
  };
}
