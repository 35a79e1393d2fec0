/* What redraws Bokeh's models in the live pictures; called by their callbacks with the models by name. */
Object.assign(window.serlib, (() => {
  "use strict";
  const { RAD, clamp, dot, centre, weights, boundary, feature, region, bells, eye, cells } = window.serlib;
  const xy = (points) => ({ x: points.map((p) => p[0]), y: points.map((p) => p[1]) });
  const signed = (value, digits, plus = "") => (value < 0 ? "−" : plus) + Math.abs(value).toFixed(digits);
  const safe = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt()};`); // names come from foreign corpora
  const cache = new Map(); // Bokeh would turn nested tables into Maps; they come as JSON, read once
  const parsed = (text) => cache.get(text) ?? cache.set(text, JSON.parse(text)).get(text);

  const RANGES = { SphereFace: [1, 8, 1, 4, 6], ArcFace: [0, 1, 0.05, 0.5, 0.5], CosFace: [0, 1, 0.05, 0.35, 0.35] };

  function drawDomain(models, changed) {
    const { kind, m1, m2, lambda, apart, turn, length, own, image, arrows, pull, curve, mark, told } = models;
    if (changed === kind) {
      const [start, end, step, ...values] = RANGES[kind.value];
      [m1, m2].forEach((slider, k) => slider.setv({ start, end, step, value: values[k] }));
      lambda.disabled = kind.value !== "SphereFace";
    }
    const A = apart.value, mine = own.value === "class 1" ? 0 : 1, n = Math.sqrt(image.data.image[0].length);
    const rule = [kind.value, [m1.value, m2.value], lambda.value, A];
    const point = feature(...rule, turn.value, length.value, mine), [x, y] = point.x, [dx, dy] = point.gradient;
    image.data.image[0].set(region(...rule, n, 1.6));
    image.change.emit();
    const w = weights(A);
    arrows.data = { ...arrows.data, ...xy(w) };
    const steep = Math.hypot(dx, dy), step = Math.min(1, 0.25 * steep) / (steep || 1); // it must stay in the picture
    pull.data = { x: [x], y: [y], tox: [x - step * dx], toy: [y - step * dy] };
    const along = Array.from({ length: 181 }, (_, k) => k);
    const from = ((mine ? A - turn.value : turn.value) + 540) % 360 - 180, side = from < 0 ? -1 : 1; // towards the rival: 1
    const way = along.map((t) => feature(...rule, mine ? A - side * t : side * t, length.value, mine));
    const logits = xy(way.map((p) => p.logits));
    curve.data = { x: along, own: logits.x, other: logits.y, loss: way.map((p) => p.loss) };
    const angle = Math.acos(clamp(dot(w[mine], point.x) / length.value, -1, 1)) / RAD;
    mark.data = { x: [angle, angle, angle], y: [...point.logits, point.loss] };
    const cones = rule[1].map((m) => boundary(rule[0], m, rule[2], A));
    const [one, two, gap, half] = [...cones, A - cones[0] - cones[1], A / 2].map((each) => `${each.toFixed(1)}°`);
    const [here, theirs, loss, slope] = [...point.logits, point.loss, steep].map((each) => `<b>${signed(each, 2)}</b>`);
    told.text = `Cones <b>x = ${one}</b>, <b>y = ${two}</b>, gap z = ${gap}; domains D₁ = D₂ = ${half}.<br>`
      + `The feature, of ${own.value}, ${angle.toFixed(0)}° from its weight: own logit ${here} (margin included), `
      + `other logit ${theirs}, loss ${loss}, gradient of length ${slope}.`;
  }

  /* A touch or a drag in the plane moves the feature: its two sliders follow, and they redraw. */
  function dragFeature({ apart, turn, length }, at) {
    const angle = 90 + apart.value / 2 - Math.atan2(at.y, at.x) / RAD, near = ((angle + 450) % 360) - 90;
    turn.value = clamp(Math.round(near), turn.start, turn.end);
    length.value = clamp(Math.round(20 * Math.hypot(at.x, at.y)) / 20, length.start, length.end);
  }

  function drawBells({ gap, ratio, tau, curves, lost, cut, bars, told }) {
    const found = bells(gap.value, ratio.value, tau.value), share = ratio.value / (ratio.value + 1);
    const x = Array.from({ length: 401 }, (_, k) => -5 + k / 40), bell = (t) => Math.exp((-t * t) / 2);
    const [large, small] = [gap.value / 2, -gap.value / 2].map((shift) => x.map((t) => bell(t + shift)));
    large.forEach((_, k) => { large[k] *= share; small[k] *= 1 - share; });
    curves.data = { x, large, small };
    lost.data = { x, y: x.map((t, k) => (t < found.cut ? small[k] : large[k])), zero: x.map(() => 0) };
    cut.data = { x: [found.cut], zero: [0], top: [Math.max(...large, ...small)] };
    const percent = ["large", "small", "ua", "wa"].map((name) => 100 * found[name]);
    bars.data = { ...bars.data, value: percent, text: percent.map((each) => each.toFixed(1) + " %") };
    const best = bells(gap.value, ratio.value, 0);
    const [ua, wa] = [percent[2] - 100 * best.ua, percent[3] - 100 * best.wa].map((each) => signed(each, 1, "+"));
    told.text = `The cut lies at <b>${signed(found.cut, 2)}</b>. Against the cut with the fewest errors (τ = 0): `
      + `UA <b>${ua}</b>, WA <b>${wa}</b> points.`;
  }

  const player = new Audio();
  function hear(sound) {
    player.pause();
    if (!sound) return;
    player.src = sound;
    player.play().catch(() => {}); // a browser may ask for a touch first
  }

  function drawBall({ loss, turn, tilt, pick, image, points, corners, data, told }, changed) {
    const { networks, colours, rgb, names, sounds } = parsed(data), net = networks[loss.value];
    const axes = eye(turn.value, tilt.value), view = (p) => axes.map((axis) => dot(axis, p));
    const pixels = image.data.image[0], n = Math.sqrt(pixels.length), owner = cells(net.corners, net.bias, axes, n);
    owner.forEach((c, k) => {
      const depth = 1 - centre(k % n, n) ** 2 - centre(Math.floor(k / n), n) ** 2;
      const tint = 0.3 + 0.3 * Math.sqrt(Math.max(depth, 0));
      const [red, green, blue] = (rgb[c] ?? [0, 0, 0]).map((level) => Math.round(255 - (255 - level) * tint));
      pixels[k] = c < 0 ? 0 : red + 256 * green + 65536 * blue + 16777216 * 255;
    });
    image.change.emit();
    const seen = net.points.map(view), chosen = pick.options.indexOf(pick.value) - 1;
    points.data = {
      ...points.data, ...xy(seen), near: seen.map((p) => p[2]),
      ring: net.predicted.map((c) => colours[c]), alpha: seen.map((p) => (p[2] > 0 ? 1 : 0.12)),
      size: seen.map((p, k) => (k === chosen ? 19 : p[2] > 0 ? 12 : 8)),
    };
    const unit = net.corners.map((corner) => view(corner.map((each) => each / Math.hypot(...corner))));
    corners.data = { ...corners.data, ...xy(unit), alpha: unit.map((p) => (p[2] > 0 ? 1 : 0.25)) };
    if (changed === pick) hear(sounds[chosen]);
    const heard = chosen < 0 ? "" : `<br><b>${safe(pick.value)}</b>, taken for ${safe(names[net.predicted[chosen]])}.`;
    told.text = `<b>${safe(loss.value)}</b>: ${net.told}${heard}`;
  }

  /* A drag turns the ball under the pointer, from where the drag found it; half a turn is about its width. */
  const dragged = new WeakMap();
  function turnBall({ turn, tilt, ball }, at) {
    if (at.event_name === "panstart") return dragged.set(ball, [turn.value, tilt.value]);
    const [before, above] = dragged.get(ball);
    turn.value = ((Math.round(before - (160 * at.delta_x) / ball.inner_width) + 540) % 360) - 180;
    tilt.value = clamp(Math.round(above + (160 * at.delta_y) / ball.inner_height), tilt.start, tilt.end);
  }

  /* The nearest point on the side that is seen, at most a tenth of the radius away. */
  function pickPoint({ pick, points }, at) {
    const { x, y, near } = points.data, far = x.map((_, k) => (near[k] > 0 ? Math.hypot(x[k] - at.x, y[k] - at.y) : 9));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] < 0.1) pick.value = pick.options[nearest + 1];
  }

  function drawCourse({ course, epoch, points, arrows, sectors, plot, told, data, looks }) {
    const { colours, markers } = parsed(looks), shown = parsed(data)[course.value], { labels, losses, reach } = shown;
    const epochs = losses.length - 1, now = Math.min(epoch.value, epochs);
    const turns = shown.weights[now].map(([x, y]) => Math.atan2(y, x));
    const order = turns.map((_, k) => k).sort((a, b) => turns[a] - turns[b]);
    const middle = (a, b) => a + ((b - a + 4 * Math.PI) % (2 * Math.PI)) / 2, [start, end] = [[], []];
    order.forEach((c, k) => {
      start[c] = middle(turns[order[(k + order.length - 1) % order.length]], turns[c]);
      end[c] = middle(turns[c], turns[order[(k + 1) % order.length]]);
    });
    const painted = { colour: labels.map((c) => colours[c]), marker: labels.map((c) => markers[c]) };
    points.data = { ...xy(shown.embeddings[now]), ...painted };
    arrows.data = { ...arrows.data, ...xy(turns.map((t) => [0.95 * reach * Math.cos(t), 0.95 * reach * Math.sin(t)])) };
    sectors.data = { ...sectors.data, start, end, radius: turns.map(() => 2 * reach) };
    [plot.x_range, plot.y_range].forEach((range) => range.setv({ start: -reach, end: reach }));
    told.text = `${safe(course.value)}, epoch <b>${now}</b> of ${epochs}: loss <b>${losses[now].toFixed(3)}</b>.`;
  }

  const players = new WeakMap();
  function play({ epoch, button }) {
    const stop = () => { clearInterval(players.get(button)); players.delete(button); button.label = "▶ Play"; };
    if (players.has(button)) return stop();
    if (epoch.value >= epoch.end) epoch.value = 0;
    button.label = "❚❚ Pause";
    players.set(button, setInterval(() => (epoch.value < epoch.end ? (epoch.value += 1) : stop()), 150));
  }

  /* Bokeh's sliders have no name for a screen reader but the text above them. */
  function label(place) {
    for (const element of place.querySelectorAll("*")) {
      if (!element.shadowRoot) continue;
      const title = element.shadowRoot.querySelector(".bk-slider-title");
      element.shadowRoot.querySelectorAll(".noUi-handle").forEach((handle) => {
        handle.setAttribute("aria-label", title.firstChild.textContent.replace(/:\s*$/, ""));
      });
      label(element.shadowRoot);
    }
  }

  async function embed(id, item) {
    const place = document.getElementById(id);
    place.textContent = "";
    const views = await Bokeh.embed.embed_item(item, place), [view] = views.roots;
    await view.model.tags[0].execute(view.model);
    label(place);
  }

  return { drawDomain, dragFeature, drawBells, drawBall, turnBall, pickPoint, drawCourse, play, embed };
})());
