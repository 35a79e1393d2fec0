/* The arithmetic of the live pictures: margins, bells, spheres. Angles come in degrees; margins of ArcFace in radians.
   Tests hold it to serlib.losses and serlib.geometry. What draws with it is in live_draw.js. */
window.serlib = (() => {
  "use strict";
  const RAD = Math.PI / 180, SCALE = 8; // SCALE: ArcFace's and CosFace's s; SphereFace keeps the feature's length
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const dot = (a, b) => a.reduce((sum, each, k) => sum + each * b[k], 0);

  /* Target logit of a feature of length 1, and its slope by the own cosine. */
  function target(kind, margin, lambda, cosine) {
    const theta = clamp(Math.acos(clamp(cosine, -1, 1)), 1e-7, Math.PI - 1e-7);
    if (kind === "CosFace") return [cosine - margin, 1];
    if (kind === "ArcFace") {
      const shifted = Math.cos(theta + margin), slope = Math.abs(Math.sin(theta + margin)) / Math.sin(theta);
      return [theta + margin > Math.PI ? -2 - shifted : shifted, slope];
    }
    const k = Math.min(Math.floor((margin * theta) / Math.PI), margin - 1);
    const phi = (k % 2 ? -1 : 1) * Math.cos(margin * theta) - 2 * k;
    const slope = (margin * Math.abs(Math.sin(margin * theta))) / Math.sin(theta);
    return [cosine + (phi - cosine) / (1 + lambda), 1 + (slope - 1) / (1 + lambda)];
  }

  /* Degrees from a weight to where its target ties with the other weight, ``apart`` degrees away. */
  function boundary(kind, margin, lambda, apart) {
    let [low, high] = [0, apart];
    for (let k = 0; k < 50; k++) {
      const middle = (low + high) / 2;
      const lost = target(kind, margin, lambda, Math.cos(middle * RAD))[0] <= Math.cos((apart - middle) * RAD);
      [low, high] = lost ? [low, middle] : [middle, high];
    }
    return high;
  }

  /* Two unit weights, the first at 90 + apart/2 degrees, the second at 90 - apart/2. */
  const weights = (apart) => [90 + apart / 2, 90 - apart / 2].map((t) => [Math.cos(t * RAD), Math.sin(t * RAD)]);

  /* A feature of class ``own`` (0 or 1), ``turn`` degrees from the first weight towards the second. */
  function feature(kind, margins, lambda, apart, turn, length, own) {
    const at = (90 + apart / 2 - turn) * RAD, unit = [Math.cos(at), Math.sin(at)], w = weights(apart);
    const cosine = w.map((each) => dot(each, unit)), free = kind === "SphereFace", scale = free ? length : SCALE;
    const [value, slope] = target(kind, margins[own], lambda, cosine[own]);
    const logits = [scale * value, scale * cosine[1 - own]], gap = logits[1] - logits[0];
    const loss = Math.max(gap, 0) + Math.log1p(Math.exp(-Math.abs(gap))), push = 1 / (1 + Math.exp(-gap));
    const gradient = unit.map((u, k) => {
      const across = (j) => (w[j][k] - cosine[j] * u) / length; // of the cosine to weight j
      const others = scale * across(1 - own) + (free ? cosine[1 - own] * u : 0);
      return push * (others - scale * slope * across(own) - (free ? value * u : 0));
    });
    return { x: unit.map((u) => length * u), logits, loss, gradient };
  }

  /* Whose direction a point is (0, 1), or whose training cone it lies in (2, 3), over a square grid of n x n. */
  function region(kind, margins, lambda, apart, n, reach) {
    const owner = new Float64Array(n * n), w = weights(apart);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < n; column++) {
        const point = [column, row].map((k) => reach * centre(k, n));
        const cosine = w.map((each) => dot(each, point) / Math.hypot(...point));
        const own = cosine[0] >= cosine[1] ? 0 : 1;
        const inside = target(kind, margins[own], lambda, cosine[own])[0] > cosine[1 - own];
        owner[row * n + column] = own + (inside ? 2 : 0);
      }
    }
    return owner;
  }

  /* Normal distribution function; W. Press et al., Numerical Recipes, erfcc: relative error below 1.2e-7. */
  function cdf(x) {
    const z = Math.abs(x) / Math.SQRT2, t = 1 / (1 + z / 2);
    const c = [
      -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
      0.17087277,
    ];
    const tail = (t * Math.exp(-z * z + c.reduceRight((sum, each) => sum * t + each))) / 2;
    return x > 0 ? 1 - tail : tail;
  }

  /* Two bells, ``gap`` apart and ``ratio`` : 1; the cut of the best WA, moved by tau. UA and WA are shares. */
  function bells(gap, ratio, tau) {
    const cut = ((1 - tau) * Math.log(ratio)) / gap, large = cdf(gap / 2 + cut), small = cdf(gap / 2 - cut);
    return { cut, large, small, ua: (large + small) / 2, wa: (ratio * large + small) / (ratio + 1) };
  }

  /* The eye's axes (right, up, near) for a ball turned and tilted by degrees. */
  function eye(turn, tilt) {
    const [c, s, C, S] = [Math.cos(turn * RAD), Math.sin(turn * RAD), Math.cos(tilt * RAD), Math.sin(tilt * RAD)];
    return [[-s, c, 0], [-c * S, -s * S, C], [c * C, s * C, S]];
  }

  const centre = (k, n) => (2 * k + 1) / n - 1; // of pixel k of n, from -1 to 1

  /* Which class owns each of n x n directions that the eye sees; -1 beside the ball. */
  function cells(corners, bias, axes, n) {
    const turned = corners.map((corner) => axes.map((axis) => dot(axis, corner)));
    const owner = new Int8Array(n * n).fill(-1);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < n; column++) {
        const right = centre(column, n), up = centre(row, n), rest = 1 - right * right - up * up;
        let best = -Infinity;
        for (let c = 0; c < (rest < 0 ? 0 : turned.length); c++) {
          const score = right * turned[c][0] + up * turned[c][1] + Math.sqrt(rest) * turned[c][2] + bias[c];
          if (score > best) [best, owner[row * n + column]] = [score, c];
        }
      }
    }
    return owner;
  }

  return { RAD, clamp, dot, centre, target, weights, boundary, feature, region, bells, eye, cells };
})();
