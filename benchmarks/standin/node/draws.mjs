// Everything random of a day. A draw belongs to what it is for, not to who draws it or when: any
// process finds the same number for the same seed, day, queue, purpose, job and attempt.
import { createHash } from "node:crypto";

/** Uniform in the open interval (0, 1). */
export function uniform(...key) {
  const bytes = createHash("md5").update(key.join("/")).digest();
  return (Number(bytes.readBigUInt64LE() >> 12n) + 0.5) / 2 ** 52;
}

/** Lognormal with a mean and a coefficient of variation (Law, Simulation Modeling, section 6.2). */
export function lognormal({ mean, cv }, ...key) {
  const variance = Math.log(1 + cv * cv);
  const radius = Math.sqrt(-2 * Math.log(uniform(...key, "radius")));
  const normal = radius * Math.cos(2 * Math.PI * uniform(...key, "angle"));
  return mean * Math.exp(Math.sqrt(variance) * normal - variance / 2);
}

/** A whole number from `from` to `to`, both included. */
export function whole({ from, to }, ...key) {
  return from + Math.floor(uniform(...key) * (to - from + 1));
}

/** One of some kinds, by their shares. */
export function oneOf(kinds, ...key) {
  let left = uniform(...key);
  return kinds.find((kind) => (left -= kind.share) < 0) ?? kinds.at(-1);
}

/** Seconds of a Poisson process whose rate follows the day's profile (Lewis and Shedler's thinning). */
export function* arrivals(perSecond, profile, duration, ...key) {
  const most = perSecond * Math.max(...profile.map(([, busy]) => busy));
  let at = 0;
  for (let number = 1; ; number++) {
    at -= Math.log(uniform(...key, "gap", number)) / most;
    if (at >= duration) return;
    if (uniform(...key, "kept", number) * most < perSecond * busyAt(profile, at / duration)) yield at;
  }
}

function busyAt(profile, share) {
  const next = profile.findIndex(([at]) => at > share);
  const [[from, low], [to, high]] = [profile[next - 1], profile[next]];
  return low + ((high - low) * (share - from)) / (to - from);
}
