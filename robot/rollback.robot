*** Settings ***
Documentation       An older version never comes back, whatever is staged and whenever power is lost.
Resource            harness/robot/power_cuts.resource
Test Setup          Prepare The Device


*** Test Cases ***
An Older Version Is Refused
    Given The Device Is In Case downgrade
    When Power Comes On
    Then The Old Version 2 Runs
    And No Rule Is Broken

The Same Version Is Refused
    Given The Device Is In Case same-version
    When Power Comes On
    Then The Old Version 2 Runs
    And No Rule Is Broken

An Older Version Is Refused Whenever Power Is Lost
    Given The Device Is In Case downgrade
    Then Losing Power At Any Of 16 Moments Does No Harm

A Torn Counter Never Falls
    Given The Device Is In Case counter-behind
    When Power Is Lost At Operation 0    some
    Then The Old Version 2 Runs
    And Version Counter Should Be    2
    And No Rule Is Broken

A Bootloader Without This Check Is Found
    [Setup]    Prepare A Device With A Mistake    lower-version-accepted
    Given The Device Is In Case downgrade
    When Power Comes On
    Then The Harness Reports exact_image
