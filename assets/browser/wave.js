// The wave form of a sound, as the heights of some bars.

/**
 * Return how loud each of so many parts of a sound is, from 0 to 1; the loudest has 1, and silence 0.
 * @param {ArrayLike<number>} samples
 * @param {number} count
 */
export function levelsOf(samples, count) {
  const size = samples.length / count;
  const levels = Array.from({ length: count }, (_, at) => {
    const [from, to] = [Math.floor(at * size), Math.max(Math.floor(at * size) + 1, Math.floor((at + 1) * size))];
    let sum = 0;
    for (let one = from; one < Math.min(to, samples.length); one++) sum += samples[one] ** 2;
    return Math.sqrt(sum / (to - from));
  });
  const loudest = Math.max(...levels);
  // A hiss is no wave.
  return levels.map((level) => (loudest > 0.001 ? level / loudest : 0));
}
