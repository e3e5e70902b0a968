"""Writes CAMB's linear and nonlinear matter spectra and transfer functions today. Usage: tables.py OUT.csv"""

import csv
import datetime
import os
import platform
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
import camb  # noqa: E402
import numpy as np  # noqa: E402
from scipy.interpolate import CubicSpline  # noqa: E402

# What CAMELS holds fixed, as in pkg/cosmology.
H, OMEGA_B, N_S, T_CMB = 0.6711, 0.049, 0.9624, 2.7255
UNIVERSES = [(0.3, 0.8), (0.1, 0.8), (0.5, 0.8), (0.3, 0.6), (0.3, 1.0)]  # Ω_m, σ_8
HMCODE = "mead2020"
WAVES = np.geomspace(1e-4, 20, 240)  # h/Mpc
LAST_WAVE = 40  # h/Mpc, of what CAMB computes
# At Ω_m = 0.1 CAMB's default settings put the power off by 1 %; with these T is converged to 3e-4 there and to 1e-4 at Ω_m = 0.3.
ACCURACY, MULTIPOLES = 2.0, 4.0
SETTINGS = (
    f"z = 0, flat, h = {H}, Omega_b = {OMEGA_B}, n_s = {N_S}, T_CMB = {T_CMB} K, massless neutrinos, "
    f"AccuracyBoost = {ACCURACY:g}, lAccuracyBoost = {MULTIPOLES:g}, Transfer.high_precision"
)


def parameters(omega_m: float, amplitude: float, last_wave: float) -> camb.CAMBparams:
    p = camb.CAMBparams()
    p.set_cosmology(H0=100 * H, ombh2=OMEGA_B * H**2, omch2=(omega_m - OMEGA_B) * H**2, mnu=0, omk=0, TCMB=T_CMB)
    p.InitPower.set_params(As=amplitude, ns=N_S)
    p.WantCls = False
    p.set_accuracy(AccuracyBoost=ACCURACY, lAccuracyBoost=MULTIPOLES)
    p.set_matter_power(redshifts=[0.0], kmax=last_wave * H)
    p.Transfer.high_precision = True
    p.NonLinearModel.set_params(halofit_version=HMCODE)
    return p


def spectrum(results: camb.CAMBdata, nonlinear: bool) -> np.ndarray:
    p = results.get_matter_power_interpolator(nonlinear=nonlinear, hubble_units=True, k_hunit=True)
    return p.P(0.0, WAVES)


def rows(omega_m: float, sigma_8: float):
    guess = 2e-9
    first = camb.get_results(parameters(omega_m, guess, 12))
    p = parameters(omega_m, guess * (sigma_8 / first.get_sigma8_0()) ** 2, LAST_WAVE)
    p.NonLinear = camb.model.NonLinear_both
    results = camb.get_results(p)
    data = results.get_matter_transfer_data()
    # With a nonlinear spectrum CAMB follows earlier times, too: today is last.
    kh, delta = data.transfer_data[0, :, -1], data.transfer_data[camb.model.Transfer_tot - 1, :, -1]
    transfer = CubicSpline(np.log(kh), delta / delta[0])(np.log(WAVES))
    linear, nonlinear = spectrum(results, False), spectrum(results, True)
    print(f"tables: Ω_m = {omega_m}, σ_8 = {results.get_sigma8_0():.6f}", file=sys.stderr)
    for i, k in enumerate(WAVES):
        yield [omega_m, sigma_8] + [f"{v:.6g}" for v in (k, transfer[i], linear[i], nonlinear[i])]


def main(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".partial")
    with scratch.open("w", newline="") as file:
        file.write(
            f"# CAMB {camb.__version__}, HMcode {HMCODE} without baryonic feedback, {datetime.date.today()}, Python {platform.python_version()}: pkg/cosmology/camb/tables.py. "
            f"{SETTINGS}, A_s from sigma_8.\n"
        )
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["omega_m", "sigma_8", "k_h_per_mpc", "transfer", "linear_mpc3_per_h3", "hmcode_mpc3_per_h3"])
        for universe in UNIVERSES:
            out.writerows(rows(*universe))
    scratch.replace(path)
    print(f"tables: {path}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
