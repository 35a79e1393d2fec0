# ruff: noqa: F401
"""Decision domains of angular losses: in closed form, found on the losses, and measured after training."""

from serlib.geometry.angles import angles_deg, class_angles, margin_violations, own_and_nearest
from serlib.geometry.boundaries import boundary_deg, cone_outline, target_logits
from serlib.geometry.clustering import clustering
from serlib.geometry.domains import Domains, cone_deg, domains, simplex
from serlib.geometry.imbalance import imbalance_experiment, intervals
from serlib.geometry.mirroring import (
    cosines,
    distance_agreement,
    halves,
    mirroring,
    reflection_residual,
    rotation_residual,
    tsne_halves,
    tsne_mirroring,
)
from serlib.geometry.spheres import Shares, monte_carlo_shares, reduce_weight, sphere_shares
from serlib.geometry.toy import Course, blobs, train
