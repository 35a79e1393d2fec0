# ruff: noqa: F401
"""Decision domains of angular losses: in closed form, found on the losses, and measured after training."""

from serlib.geometry.angles import angles_deg, clustering, margin_violations, own_and_nearest, percent_change, tightness
from serlib.geometry.domains import Domains, boundary_deg, cone_deg, cone_outline, domains, simplex, target_logits
from serlib.geometry.spheres import Shares, monte_carlo_shares, reduce_weight, sphere_shares
from serlib.geometry.toy import Course, blobs, imbalance_experiment, intervals, train
