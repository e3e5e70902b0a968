"""Writes CAMB's transfer functions of all matter today.

Usage: transfer.py TABLE.csv CHECK.csv

TABLE.csv is what pkg/cosmology interpolates: T(k), 1 at small k, in columns of Ω_m and rows of
x = k * sound_horizon(Ω_m). CHECK.csv are other Ω_m at other k, with which its tests compare: T, and
the linear power at σ_8 = 0.8 that CAMB normalises itself, for k <= 10 h/Mpc.
"""

import csv
import datetime
import sys
from pathlib import Path

from tables import H, MULTIPOLES, OMEGA_B, SETTINGS, parameters

import camb
import numpy as np

# Chebyshev's nodes in ln Ω_m, between nothing but baryons and nothing but matter.
NODES = 10
OMEGA_M = [
    float(f"{np.exp(np.log(OMEGA_B) * (1 + np.cos(np.pi * (i + 0.5) / NODES)) / 2):.6g}") for i in range(NODES)
]
# Acoustic oscillations have a period of 2π in x, and Silk damping leaves none beyond 66.
X = np.concatenate([
    np.geomspace(0.03, 1, 10)[:-1],
    np.arange(1, 4, 0.375),
    np.arange(4, 30, 0.75),
    np.arange(30, 45, 1.0),
    np.arange(45, 66, 1.5),
    np.geomspace(66, 10000, 14),
])  # fmt: skip

CHECKED = [0.06, 0.08, 0.1, 0.115, 0.16, 0.23, 0.3, 0.4, 0.5, 0.8, 1.0]
SIGMA_8 = 0.8
LAST_POWER = 10  # h/Mpc: CAMB's own spectrum to larger k takes minutes a universe
WAVES = np.concatenate([[2e-4], np.geomspace(1e-3, 8e-3, 6), np.geomspace(0.01, 0.5, 34), np.geomspace(0.6, 59, 10)])


def sound_horizon(omega_m: float) -> float:
    """Equation 26 of Eisenstein and Hu (1998) in Mpc/h, as in pkg/cosmology/transfer.go."""
    return H * 44.5 * np.log(9.83 / (omega_m * H**2)) / np.sqrt(1 + 10 * (OMEGA_B * H**2) ** 0.75)


def transfer(omega_m: float, waves: np.ndarray) -> np.ndarray:
    """T at waves in h/Mpc, each of which CAMB follows to today."""
    q = H * np.concatenate([[1e-5], waves])
    background = camb.get_background(parameters(omega_m, 2e-9, LAST_POWER))
    delta = background.get_redshift_evolution(q, [0.0], ["delta_tot"], lAccuracyBoost=MULTIPOLES)[:, 0, 0] / q**2
    print(f"transfer: Ω_m = {omega_m}", file=sys.stderr)
    return delta[1:] / delta[0]


def power(omega_m: float, waves: np.ndarray) -> np.ndarray:
    """Linear power in (Mpc/h)³ at waves up to LAST_POWER, between the wavenumbers that CAMB chooses."""
    results = camb.get_results(parameters(omega_m, 2e-9, 1.2 * LAST_POWER))
    spectrum = results.get_matter_power_interpolator(nonlinear=False, hubble_units=True, k_hunit=True)
    within = np.minimum(waves, LAST_POWER)
    return spectrum.P(0.0, within) * (SIGMA_8 / results.get_sigma8_0()) ** 2


def write(path: Path, what: str, rows: list[list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".partial")
    with scratch.open("w", newline="") as file:
        file.write(
            f"# {what}. CAMB {camb.__version__}, {datetime.date.today()}: make transfer-table "
            f"(pkg/cosmology/camb/transfer.py). {SETTINGS}.\n"
        )
        csv.writer(file, lineterminator="\n").writerows(rows)
    scratch.replace(path)
    print(f"transfer: {path}", file=sys.stderr)


def main(table: Path, check: Path) -> None:
    columns = [transfer(omega_m, X / sound_horizon(omega_m)) for omega_m in OMEGA_M]
    write(
        table,
        "Transfer function of all matter: x = k times sound_horizon(Omega_m) by Omega_m",
        [["x", *OMEGA_M]] + [[f"{x:.6g}", *(f"{column[i]:.6g}" for column in columns)] for i, x in enumerate(X)],
    )
    rows = [["omega_m", "k_h_per_mpc", "transfer", "linear_mpc3_per_h3"]]
    waves = np.array([float(f"{k:.5g}") for k in WAVES])
    for omega_m in CHECKED:
        for k, t, p in zip(waves, transfer(omega_m, waves), power(omega_m, waves), strict=True):
            rows.append([omega_m, f"{k:.5g}", f"{t:.6g}", f"{p:.6g}" if k <= LAST_POWER else ""])
    write(check, f"Transfer function, and linear power at sigma_8 = {SIGMA_8}", rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
